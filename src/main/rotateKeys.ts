import { environment, readConfig } from '../config.ts'
import { rotateKeys } from '../credentials/rotate.ts'
import { createSealer } from '../credentials/seal.ts'
import { assertMigrated } from '../db/migrate.ts'
import { openPools } from '../db/pools.ts'
import { run } from './run.ts'

/** `npm run rotate-keys`: seals every secret under the first key of SLUICE_ENCRYPTION_KEY, while everything runs. */
await run(async () => {
  const config = readConfig(environment(), 'rotate-keys')
  const sealer = createSealer(config.encryptionKeys.map((key) => key.reveal()))
  const pools = openPools(config.databaseUrl.reveal(), { applicationName: 'sluice-rotate-keys' })
  await assertMigrated(pools.write)
  const results = await rotateKeys(pools.write, sealer)
  await pools.end()
  for (const { table, resealed, unreadable } of results) {
    console.log(
      `${table}: ${resealed} sealed anew, ${unreadable.length} open with none of the keys`,
    )
    for (const key of unreadable.slice(0, 20)) console.log(`  ${table} ${key}`)
  }
  const left = results.reduce((sum, { unreadable }) => sum + unreadable.length, 0)
  console.log(
    left === 0
      ? `Every secret is sealed under the key ${sealer.newestKeyId}: the others may be taken out of SLUICE_ENCRYPTION_KEY.`
      : `${left} secrets are sealed under keys that SLUICE_ENCRYPTION_KEY does not hold. Add those keys and run this again, or put the credentials in anew.`,
  )
  return left === 0 ? 0 : 1
})
