import { describe, expect, test } from 'vitest'
import { cancel } from './cancel.ts'
import { changes } from './changes.ts'
import { deletes } from './deletes.ts'
import { errors } from './errors.ts'
import { hygiene } from './hygiene.ts'
import { paging } from './paging.ts'
import { quota } from './quota.ts'
import { ranges } from './ranges.ts'
import { shape } from './shape.ts'
import type { Case, Target } from './target.ts'
import { webhooks } from './webhooks.ts'

/** The suite that every connector passes, in groups; architecture.md tells what each is for. */
const groups: Record<string, Case[]> = {
  shape,
  paging,
  ranges,
  changes,
  deletes,
  errors,
  quota,
  cancel,
  webhooks,
  hygiene,
}

const TIMEOUT_MS = 30_000

/** Runs the suite against a target. What the target cannot do is skipped with its reason, and counted in the title. */
export function conformance(target: Target): void {
  const { connector, skips } = target
  const skipped = Object.keys(skips).length
  describe(`${connector.title} conforms (${skipped} skipped)`, () => {
    for (const [group, cases] of Object.entries(groups)) {
      describe(group, () => {
        for (const one of cases) runCase(target, one, skips[`${group}: ${one.name}`])
      })
    }
    test('every skip names a case', () => {
      const names = Object.entries(groups).flatMap(([group, cases]) =>
        cases.map(({ name }) => `${group}: ${name}`),
      )
      expect(Object.keys(skips).filter((name) => !names.includes(name))).toEqual([])
    })
  })
}

function runCase(target: Target, { name, run }: Case, reason: string | undefined): void {
  if (reason !== undefined) {
    test.skip(`${name} (${reason})`)
    return
  }
  test(name, { timeout: TIMEOUT_MS }, async () => {
    const upstream = await target.open()
    try {
      await run(target, upstream)
    } finally {
      await upstream.close()
    }
  })
}
