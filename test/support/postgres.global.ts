import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { environment } from '../../src/config.ts'
import { anyFree } from '../../src/main/embedded/ports.ts'
import { startPostgres } from '../../src/main/embedded/postgres.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** A server on which the tests may make databases; never a database to write to. */
    databaseUrl: string
  }
}

/** One Postgres for the whole run: the one of DATABASE_URL, else an embedded one that is thrown away. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const shared = (started ??= start())
  users++
  const { url, end } = await shared
  project.provide('databaseUrl', url)
  return async () => {
    if (--users > 0) return
    started = undefined
    await end()
  }
}

// Several projects of a run name this file: they share the server, and the last one stops it.
let started: ReturnType<typeof start> | undefined
let users = 0

async function start(): Promise<{ url: string; end(): Promise<void> }> {
  const given = environment()['DATABASE_URL']
  if (given !== undefined && given !== '') return { url: given, end: async () => undefined }
  const dir = mkdtempSync(join(tmpdir(), 'sluice-test-postgres-'))
  const postgres = await startPostgres({ dir, port: await anyFree(), durable: false })
  return {
    url: postgres.url,
    end: async () => {
      await postgres.stop()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}
