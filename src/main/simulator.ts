import { tellReady, untilTold } from './lifetime.ts'
import { run } from './run.ts'
import { readSimulatorArguments } from './simulatorArguments.ts'
import { simulators } from './simulators.ts'

/** `npm run simulator -- <provider>`: a simulated provider as a process of its own. */
await run(async () => {
  const told = untilTold()
  const { provider, options } = readSimulatorArguments(process.argv.slice(2))
  const simulator = await simulators[provider]!.run(options)
  console.log(`${provider} is simulated at ${simulator.url}, its secret key is ${simulator.key}`)
  tellReady({ url: simulator.url, key: simulator.key })
  await told
  await simulator.close()
})
