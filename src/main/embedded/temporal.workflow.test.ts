import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Connection } from '@temporalio/client'
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest'
import { environment } from '../../config.ts'
import { findTemporal } from './findTemporal.ts'
import { isRunning } from './identity.ts'
import { anyFree } from './ports.ts'
import { startTemporal, type Temporal } from './temporal.ts'

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'sluice-embedded-'))
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

async function start(options: { port?: number; uiPort?: number | null } = {}): Promise<Temporal> {
  const { binary } = await findTemporal({ env: environment(), say: () => undefined })
  const server = await startTemporal({
    binary,
    dir,
    uiPort: null,
    searchAttributes: { Marker: 'Keyword' },
    ...options,
  })
  onTestFinished(server.stop)
  return server
}

test('a started server serves at once, has its search attributes, and keeps its namespaces over a restart', async () => {
  const first = await start({ port: await anyFree() })
  const connection = await Connection.connect({ address: first.address })
  const { customAttributes } = await connection.operatorService.listSearchAttributes({
    namespace: 'default',
  })
  expect(Object.keys(customAttributes ?? {})).toContain('Marker')
  await connection.workflowService.registerNamespace({
    namespace: 'kept',
    workflowExecutionRetentionPeriod: { seconds: 86_400 as never },
  })
  await connection.close()
  await first.stop()
  expect(isRunning(first.part.identity)).toBe(false)
  const second = await start({ port: await anyFree() })
  const again = await Connection.connect({ address: second.address })
  const { namespaceInfo } = await again.workflowService.describeNamespace({ namespace: 'kept' })
  expect(namespaceInfo?.name).toBe('kept')
  await again.close()
})

test('the UI answers when the server is ready', async () => {
  const server = await start({ port: await anyFree(), uiPort: await anyFree() })
  await expect
    .poll(async () => (await fetch(server.uiUrl ?? '').catch(() => null))?.status, {
      timeout: 10_000,
    })
    .toBe(200)
})

test('a port that was asked for and is taken is one clear sentence', async () => {
  const port = await anyFree()
  const blocker = createServer().listen(port, '127.0.0.1')
  onTestFinished(() => void blocker.close())
  await expect(start({ port })).rejects.toThrow(
    `Port ${port} for the embedded Temporal server is taken`,
  )
})
