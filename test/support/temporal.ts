import { inject } from 'vitest'
import { openTemporalAt } from './temporalServer.ts'
import type { TestTemporal } from './temporalServer.ts'

export type { TestTemporal }

/** A namespace of its own on the server of this run, with our search attributes. */
export async function openTemporal(): Promise<TestTemporal> {
  return await openTemporalAt(inject('temporalAddress'))
}
