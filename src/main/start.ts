import { environment, readConfig } from '../config.ts'
import { bringUp } from './bringUp.ts'
import { markEnding, openHome } from './home.ts'
import { showPlayground } from './playground/show.ts'
import { run } from './run.ts'
import { createScreen } from './screen.ts'
import { untilStopped } from './stopped.ts'
import { createTree } from './tree.ts'
import { whatNext } from './whatNext.ts'

/** `npm start`: everything in one process tree, on embedded defaults. */
await run(async () => {
  const config = readConfig(environment(), 'start')
  // Nobody reads any more (`npm start | head`): no reason to fall over.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined)
  const screen = createScreen(process.stdout)
  const home = await openHome(config, screen.line)
  const tree = createTree(home, screen.line)
  const stopped = untilStopped(environment())
  const began = Date.now()
  try {
    const up = bringUp({ config, home, tree, screen, signal: stopped.signal })
    const running = await Promise.race([up, stopped.reason, tree.broken])
    if (typeof running === 'string') return
    home.noteRunning(running)
    screen.line(`\nready in ${((Date.now() - began) / 1000).toFixed(1)} s`)
    const show = showPlayground({
      running,
      screen,
      next: whatNext(running, home),
      signal: stopped.signal,
    })
    await Promise.race([stopped.reason, tree.broken, show.then(() => stopped.reason)])
  } finally {
    markEnding(home)
    stopped.abort()
    screen.close()
    await tree.stop((name, ms) => screen.line(`  ${name} stopped (${(ms / 1000).toFixed(1)} s)`))
    home.close()
  }
})
