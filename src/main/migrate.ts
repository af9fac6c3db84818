import { environment, readConfig } from '../config.ts'
import { migrate } from '../db/migrate.ts'
import { createLog } from '../log.ts'
import { run } from './run.ts'

await run(async () => {
  const config = readConfig(environment(), 'migrate')
  const log = createLog(config)
  await migrate(config.databaseUrl.reveal())
  log.info({ event: 'migrate.done' })
})
