/** What operators see. Details cost no history; search attributes do, so they move only with the state. */
import { setCurrentDetails, upsertSearchAttributes } from '@temporalio/workflow'
import type { SearchAttributeUpdatePair } from '@temporalio/common'
import { dashboard, stateOf } from '../src/domain/dashboard.ts'
import type { SyncState } from '../src/domain/dashboard.ts'
import { searchKeys } from '../src/temporal/names.ts'
import type { Run } from './run.ts'

export function show(run: Run): void {
  const state = stateNow(run)
  tell(run, state)
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

function stateNow({ status, blocked, plan }: Run): SyncState {
  return stateOf({
    status,
    refused: blocked !== null,
    planned: plan !== null,
    complete:
      plan !== null && plan.collectionsComplete + plan.blocked.length >= plan.collectionsTotal,
  })
}

/** The details alone, which make no command. */
export function tell(run: Run, state = stateNow(run)): void {
  const { plan } = run
  const total = plan?.collectionsTotal ?? 0
  setCurrentDetails(
    dashboard({
      called:
        run.facts === null
          ? null
          : { name: run.facts.name ?? run.syncId, provider: run.facts.provider },
      state,
      frequency: run.facts?.frequency ?? 'continuous',
      nowMs: Date.now(),
      collectionsTotal: total,
      collectionsComplete: Math.min(
        (plan?.collectionsComplete ?? 0) + run.sincePlan.done,
        total - (plan?.blocked.length ?? 0),
      ),
      records: (plan?.records ?? 0) + run.sincePlan.records,
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
              toldMs: run.following.toldMs,
            },
      nextPassAtMs: run.nextPassAtMs > 0 ? run.nextPassAtMs : null,
      nextCompareAtMs: run.nextCompareAtMs,
      nextTryAtMs: run.nextTryAtMs,
    }),
  )
}
