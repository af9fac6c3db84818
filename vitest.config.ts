import { defineConfig } from 'vitest/config'

/** The suffix of a test says what it needs; the project provides it (CONTRIBUTING.md). */
const folders = ['src', 'workflows', 'activities', 'test']
const named = (suffix: string) => folders.map((folder) => `${folder}/**/*.${suffix}.ts`)
const real = ['pg.test', 'workflow.test', 'e2e.test', 'fault.test'].flatMap(named)

export default defineConfig({
  test: {
    projects: [
      { test: { name: 'unit', include: named('test'), exclude: real } },
      {
        test: {
          name: 'pg',
          include: named('pg.test'),
          globalSetup: ['test/support/postgres.global.ts'],
          testTimeout: 30_000,
        },
      },
      {
        test: {
          name: 'temporal',
          include: named('workflow.test'),
          globalSetup: ['test/support/postgres.global.ts', 'test/support/temporal.global.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'e2e',
          include: [...named('e2e.test'), ...named('fault.test')],
          globalSetup: ['test/support/postgres.global.ts', 'test/support/temporal.global.ts'],
          testTimeout: 180_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
    ],
  },
})
