/** What operators see. Details cost no history; search attributes do, so they move only with the state. */
import { setCurrentDetails, upsertSearchAttributes } from '@temporalio/workflow'
import type { SearchAttributeUpdatePair } from '@temporalio/common'
import { dashboard, stateOf } from '../src/domain/dashboard.ts'
import { searchKeys } from '../src/temporal/names.ts'
import type { Run } from './run.ts'

export function show(run: Run): void {
  const { plan } = run
  const state = stateOf({
    status: run.status,
    refused: run.blocked !== null,
    planned: plan !== null,
    complete:
      plan !== null && plan.collectionsComplete + plan.blocked.length >= plan.collectionsTotal,
  })
  setCurrentDetails(
    dashboard({
      state,
      frequency: run.facts?.frequency ?? 'continuous',
      nowMs: Date.now(),
      collectionsTotal: plan?.collectionsTotal ?? 0,
      collectionsComplete: plan?.collectionsComplete ?? 0,
      records: plan?.records ?? 0,
      reading: [...run.reading].map(([collectionId, { records }]) => ({ collectionId, records })),
      blockedCollections: plan?.blocked ?? [],
      refused: run.blocked,
      trouble: run.trouble,
      notes: plan?.notes ?? [],
      changes:
        run.following === null
          ? null
          : {
              seen: run.following.changes,
              sinceMs: run.following.sinceMs,
              lastMs: run.following.lastChangeMs,
            },
      nextPassAtMs: run.nextPassAtMs > 0 ? run.nextPassAtMs : null,
    }),
  )
  if (run.facts === null || state === run.shownState) return
  const first = run.shownState === null
  run.shownState = state
  const pairs: SearchAttributeUpdatePair[] = [{ key: searchKeys.state, value: state }]
  // Anew at the top of every run, and for a workflow that something else than the API started.
  if (first) {
    pairs.push({ key: searchKeys.provider, value: run.facts.provider })
    pairs.push({ key: searchKeys.tenant, value: run.facts.tenantId })
  }
  upsertSearchAttributes(pairs)
}
