import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { environment } from '../../src/config.ts'
import { findTemporal } from '../../src/main/embedded/findTemporal.ts'
import { anyFree } from '../../src/main/embedded/ports.ts'
import { startTemporal } from '../../src/main/embedded/temporal.ts'
import { SEARCH_ATTRIBUTES } from '../../src/temporal/names.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** host:port of a Temporal server on which each test file makes its own namespace. */
    temporalAddress: string
  }
}

/** One Temporal server for the whole run: the one of TEMPORAL_ADDRESS, else an embedded one that is thrown away. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const shared = (started ??= start())
  users++
  const { address, end } = await shared
  project.provide('temporalAddress', address)
  return async () => {
    if (--users > 0) return
    started = undefined
    await end()
  }
}

// Several projects of a run name this file: they share the server, and the last one stops it.
let started: ReturnType<typeof start> | undefined
let users = 0

async function start(): Promise<{ address: string; end(): Promise<void> }> {
  const given = environment()['TEMPORAL_ADDRESS']
  if (given !== undefined && given !== '') return { address: given, end: async () => undefined }
  const { binary } = await findTemporal({ env: environment(), say: (line) => console.log(line) })
  const dir = mkdtempSync(join(tmpdir(), 'sluice-test-temporal-'))
  const temporal = await startTemporal({
    binary,
    dir,
    port: await anyFree(),
    uiPort: null,
    searchAttributes: SEARCH_ATTRIBUTES,
    // Short timers are exact and activities follow at once: right for tests, wrong for load.
    dynamicConfig: {
      'history.timerProcessorMaxTimeShift': '10ms',
      'history.transferProcessorMaxPollRPS': 1000,
    },
  })
  return {
    address: temporal.address,
    end: async () => {
      await temporal.stop()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}
