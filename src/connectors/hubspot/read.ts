import type { Change, Context } from '../connector.ts'
import { asObject, asText, readItems, readObject, type Item } from '../kit/answer.ts'
import { fingerprint } from '../kit/crypto.ts'
import { inParallel } from '../kit/parallel.ts'
import { isTooLarge } from '../kit/sized.ts'

/** Inputs of one batch read. */
const BATCH = 100
const BATCHES_AT_ONCE = 2
/** How old the names of an account's properties may be, where nothing depends on the newest. */
const NAMES_KEPT_MS = 60_000

/** The properties that records of a type are read with. `hash` tells one set of names from another. */
export type Names = { names: string[]; hash: string }

/**
 * Names of all properties of a type, read anew at most every minute, and at once where `known` (the hash that the caller
 * began with) is another: then somebody has read a newer set.
 */
export async function namesOf(ctx: Context, type: string, known?: string): Promise<Names> {
  const names = await ctx.remember(`properties/${type}`, NAMES_KEPT_MS, () => readNames(ctx, type))
  return known === undefined || names.hash === known ? names : await newNamesOf(ctx, type)
}

export async function newNamesOf(ctx: Context, type: string): Promise<Names> {
  return await ctx.remember(`properties/${type}`, 0, () => readNames(ctx, type))
}

async function readNames(ctx: Context, type: string): Promise<Names> {
  const answer = await ctx.request({ path: `/crm/v3/properties/${encodeURIComponent(type)}` })
  const found = readItems(readObject(answer), 'results')
  const names = found.flatMap(({ value }) =>
    value['archived'] === true ? [] : (asText(value['name']) ?? []),
  )
  const sorted = [...new Set(names)].sort()
  return { names: sorted, hash: fingerprint(sorted.join('\n')).slice(0, 16) }
}

/** What a batch read told of the ids it was asked for. */
export type Told = {
  found: { item: Item; observedAt: string }[]
  /** HubSpot says itself that they are not there. */
  missing: { id: string; observedAt: string }[]
}

/**
 * Records by id, 100 a request: the present state, where a search answers from an index that lags. An id that was merged
 * away is answered with the survivor, under the survivor's id.
 */
export async function readByIds(
  ctx: Context,
  type: string,
  ids: string[],
  properties: string[],
  archived = false,
): Promise<Told> {
  const batches: string[][] = []
  for (let at = 0; at < ids.length; at += BATCH) batches.push(ids.slice(at, at + BATCH))
  const told = await inParallel(batches, BATCHES_AT_ONCE, (batch) =>
    readBatch(ctx, type, batch, properties, archived),
  )
  return {
    found: told.flatMap(({ found }) => found),
    missing: told.flatMap(({ missing }) => missing).filter(({ id }) => ids.includes(id)),
  }
}

/** A batch whose answer is too large is read in halves, a record that is so by itself not at all. */
async function readBatch(
  ctx: Context,
  type: string,
  batch: string[],
  properties: string[],
  archived: boolean,
): Promise<Told> {
  try {
    const answer = await ctx.request({
      method: 'POST',
      path: `/crm/v3/objects/${encodeURIComponent(type)}/batch/read`,
      ...(archived ? { query: [['archived', 'true']] as [string, string][] } : {}),
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ inputs: batch.map((id) => ({ id })), properties }),
    })
    const { observedAt } = answer
    const body = readObject(answer)
    return {
      found: readItems(body, 'results').map((item) => ({ item, observedAt })),
      missing: missingIn(body.value['errors']).map((id) => ({ id, observedAt })),
    }
  } catch (error) {
    if (!isTooLarge(error) || batch.length === 1) throw error
    const half = Math.ceil(batch.length / 2)
    const first = await readBatch(ctx, type, batch.slice(0, half), properties, archived)
    const second = await readBatch(ctx, type, batch.slice(half), properties, archived)
    return {
      found: [...first.found, ...second.found],
      missing: [...first.missing, ...second.missing],
    }
  }
}

function missingIn(errors: unknown): string[] {
  if (!Array.isArray(errors)) return []
  return errors.flatMap((error) => {
    const given = asObject(error)
    const ids = asObject(given?.['context'])?.['ids']
    if (given?.['category'] !== 'OBJECT_NOT_FOUND' || !Array.isArray(ids)) return []
    return ids.map(String)
  })
}

/**
 * What follows from looking at `ids`: records, and tombstones of what the survivors of merges say was merged into them. What
 * is not there is a hint: by id it shows whether it was archived, or erased with its last state.
 */
export function changesOf(collection: string, ids: string[], { found }: Told): Change[] {
  const changes: Change[] = []
  const told = new Set<string>()
  for (const { item, observedAt } of found) {
    for (const id of mergedInto(item)) {
      told.add(id)
      changes.push({ collection, id, raw: null, deleted: true, observedAt })
    }
  }
  for (const { item, observedAt } of found) {
    const change = toChange(collection, item)
    told.add(change.id)
    changes.push({ ...change, observedAt })
  }
  for (const id of ids) if (!told.has(id)) changes.push({ collection, id, raw: null })
  return changes
}

export function toChange(collection: string, item: Item): Change {
  // Without an id it cannot be stored: the engine puts it apart, and the others go on.
  return { collection, id: textOf(item.value['id']) ?? '', raw: item.raw, value: item.value }
}

export function idOf({ value }: Item): string {
  const text = textOf(value['id'])
  if (text === null) throw new Error('a record of HubSpot has an id')
  return text
}

function textOf(id: unknown): string | null {
  return typeof id === 'number' ? String(id) : asText(id)
}

/** Ids that are no more since they were merged into this record (HubSpot: "Merge records"). */
function mergedInto(item: Item): string[] {
  const listed = asText(asObject(item.value['properties'])?.['hs_merged_object_ids'])
  if (listed === null) return []
  const own = idOf(item)
  return listed.split(';').filter((id) => /^\d+$/.test(id) && id !== own)
}
