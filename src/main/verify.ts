import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ConfigError, environment, readConfig } from '../config.ts'
import { createApi } from './playground/api.ts'
import { comparisonTable, isEqual } from './playground/compare.ts'
import { verifyPlayground } from './playground/verify.ts'
import { run } from './run.ts'

/** How long changes may be on their way, and how long reading whole lists may take. */
const PATIENCE = { changesMs: 30_000, listsMs: 180_000 }

/** `npm run verify:playground`: is what the stream holds what the simulated account is? 0: equal, 1: not. */
await run(async () => {
  const config = readConfig(environment(), 'start')
  const { api: url, simulated } = readRunning(config.home)
  const key = config.apiKey?.reveal() ?? readFileSync(join(config.home, 'api-key'), 'utf8').trim()
  const api = createApi(url, key, new AbortController().signal)
  let equal = true
  for (const account of simulated) {
    const comparisons = await verifyPlayground({
      api,
      provider: account.provider,
      simulatorUrl: account.url,
      patience: PATIENCE,
      say: (line) => console.log(line),
    })
    console.log(`\n${comparisonTable(comparisons).join('\n')}\n`)
    equal &&= isEqual(comparisons)
  }
  console.log(equal ? 'The stream equals the account.' : 'The stream differs from the account.')
  return equal ? 0 : 1
})

function readRunning(home: string): {
  api: string
  simulated: { provider: string; url: string }[]
} {
  let running: { api: string; simulated: { provider: string; url: string }[] }
  try {
    running = JSON.parse(readFileSync(join(home, 'running.json'), 'utf8'))
  } catch (cause) {
    throw new ConfigError(
      [`Nothing runs on SLUICE_HOME (${home}): start it with npm start, in another terminal.`],
      { cause },
    )
  }
  if (running.simulated.length === 0)
    throw new ConfigError(['There is no playground to verify: SLUICE_PLAYGROUND is off.'])
  return running
}
