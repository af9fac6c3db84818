import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { historyFromJSON } from '@temporalio/common/lib/proto-utils.js'
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker'
import { beforeAll, describe, expect, test } from 'vitest'
import { workflowBundle } from '../../src/temporal/worker.ts'
import { cacheDir } from '../support/temporalServer.ts'

const folder = join(import.meta.dirname, 'histories')
const names = readdirSync(folder).filter((name) => name.endsWith('.json'))

beforeAll(() => {
  Runtime.install({ logger: new DefaultLogger('ERROR') })
})

describe('histories of released workflows replay with the code of today', () => {
  test('there are some', () => {
    expect(names.length).toBeGreaterThan(0)
  })

  test.each(names)('%s', { timeout: 30_000 }, async (name) => {
    const history = historyFromJSON(JSON.parse(readFileSync(join(folder, name), 'utf8')))
    await Worker.runReplayHistory({ workflowBundle: await workflowBundle(cacheDir) }, history)
  })
})
