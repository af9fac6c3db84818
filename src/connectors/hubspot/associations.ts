import { AppError } from '../../domain/error.ts'
import { elements } from '../../domain/rawJson.ts'
import type { Change, Collection, Context, Page } from '../connector.ts'
import { asObject, asText, readItems, readObject, type Item } from '../kit/answer.ts'
import { fields } from '../kit/fields.ts'
import { nextAfter } from './objects.ts'
import { idOf } from './read.ts'

const HOUR_MS = 3_600_000
/** What is associated comes so much a page; one record more may go beyond it. */
const CHANGES_PER_PAGE = 1_000
/** Records on a page of their list. */
const PAGE = '100'
/** Records whose associations one request asks for, gathered over pages of their list; HubSpot allows 1,000. */
const INPUTS = 400

/** A record whose associations are still to be read, from HubSpot's cursor on. */
type Input = { id: string; after?: string }

type Place = {
  /** Of the list of records; null: it is read to its end. Left out: not begun. */
  after?: string | null
  inputs: Input[]
}

/**
 * Which records of one type are associated with which of another, one record a pair: `<from id>/<to id>`. Associations have
 * no times and move none, so they are read again as a whole, every hour; webhooks tell of single ones sooner. HubSpot tells
 * them grouped by the first record: the record is put together from those parts.
 */
export function associationCollection(from: string, to: string, title: string): Collection {
  const collection = `${from}_to_${to}`
  return {
    title,
    ranges: false,
    composed: true,
    refresh: {},
    enumerateEveryMs: HOUR_MS,
    deletes: ['gone', 'sweep'],
    fields: fields('fromObjectId! toObjectId! associationTypes:json'),
    async list(ctx, cursor) {
      const place = (cursor as Place | null) ?? { inputs: [] }
      return place.after === null || place.inputs.length >= INPUTS
        ? await readInputs(ctx, { collection, from, to }, place, null)
        : await nextRecords(ctx, { collection, from, to }, place)
    },
    get: async (ctx, id) => await getPair(ctx, { collection, from, to }, id),
    async probe(ctx) {
      await readPairs(ctx, { collection, from, to }, [{ id: '1' }])
    },
  }
}

type Pair = { collection: string; from: string; to: string }

async function nextRecords(ctx: Context, pair: Pair, place: Place): Promise<Page> {
  const answer = await ctx.request({
    path: `/crm/v3/objects/${encodeURIComponent(pair.from)}`,
    query: [
      ['limit', PAGE],
      ['properties', 'hs_object_id'],
      ['archived', 'false'],
      ...(place.after == null ? [] : ([['after', place.after]] as [string, string][])),
    ],
    accept: place.after == null ? [] : [400],
  })
  const { observedAt } = answer
  // the cursor went stale: pairs that were read are read again
  if (answer.status === 400) return { changes: [], cursor: { inputs: [] }, done: false, observedAt }
  const body = readObject(answer)
  const listed = readItems(body, 'results').map((item): Input => ({ id: idOf(item) }))
  const next = { after: nextAfter(body.value), inputs: [...place.inputs, ...listed] }
  if (next.after !== null && next.inputs.length < INPUTS)
    return { changes: [], cursor: next, done: false, observedAt }
  if (next.inputs.length === 0) return { changes: [], cursor: null, done: true, observedAt }
  return await readInputs(ctx, pair, next, observedAt)
}

/** As many of the inputs as make a page; the rest stays in the cursor. */
async function readInputs(
  ctx: Context,
  pair: Pair,
  place: Place,
  listedAt: string | null,
): Promise<Page> {
  const told = await readPairs(ctx, pair, place.inputs)
  const changes: Change[] = []
  const inputs: Input[] = []
  for (const input of place.inputs) {
    const own = told.byId.get(input.id)
    if (changes.length >= CHANGES_PER_PAGE) {
      inputs.push(input)
      continue
    }
    changes.push(...(own?.changes ?? []))
    if (own?.after != null) inputs.push({ id: input.id, after: own.after })
  }
  const done = inputs.length === 0 && place.after == null
  return {
    changes,
    cursor: done ? null : { ...place, inputs },
    done,
    observedAt: listedAt ?? told.observedAt,
  }
}

type PairsOf = { changes: Change[]; after: string | null }

/** v4: without associations a record is left out, or told of among the errors; both are no error. */
async function readPairs(
  ctx: Context,
  pair: Pair,
  inputs: Input[],
): Promise<{ byId: Map<string, PairsOf>; observedAt: string }> {
  const path = `/crm/v4/associations/${encodeURIComponent(pair.from)}/${encodeURIComponent(pair.to)}/batch/read`
  const answer = await ctx.request({
    method: 'POST',
    path,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ inputs }),
  })
  const { observedAt } = answer
  const byId = new Map<string, PairsOf>()
  for (const result of readItems(readObject(answer), 'results')) {
    const id = textOf(asObject(result.value['from'])?.['id'])
    if (id === null) throw unreadable()
    const changes = associated(result).map((to) => toChange(pair, id, to, observedAt))
    byId.set(id, { changes, after: nextAfter(result.value) })
  }
  return { byId, observedAt }
}

/** Each once: labelled and unlabelled forms of one association may be told apart. */
function associated(result: Item): Item[] {
  const values = result.value['to']
  if (!Array.isArray(values)) throw unreadable()
  const byId = new Map<string, Item>()
  elements(result.raw, ['to']).forEach((raw, at) => {
    const value = asObject(values[at])
    const id = textOf(value?.['toObjectId'])
    if (value === null || id === null) throw unreadable()
    if (!byId.has(id)) byId.set(id, { raw, value })
  })
  return [...byId.values()]
}

function toChange(pair: Pair, fromId: string, to: Item, observedAt: string): Change {
  const toId = textOf(to.value['toObjectId'])!
  const raw = `{"fromObjectId":${JSON.stringify(fromId)},${to.raw.trim().slice(1)}`
  return {
    collection: pair.collection,
    id: `${fromId}/${toId}`,
    raw,
    value: JSON.parse(raw) as Record<string, unknown>,
    observedAt,
  }
}

/** `<from id>/<to id>`; all pages of the first record are read for it. */
async function getPair(
  ctx: Context,
  pair: Pair,
  id: string,
): ReturnType<NonNullable<Collection['get']>> {
  const gone = { collection: pair.collection, id, raw: null, deleted: true as const }
  const fromId = /^(\d{1,20})\/\d{1,20}$/.exec(id)?.[1]
  let observedAt: string | null = null
  let input: Input | null = fromId === undefined ? null : { id: fromId }
  while (input !== null) {
    const told = await readPairs(ctx, pair, [input])
    observedAt ??= told.observedAt
    const own = told.byId.get(input.id)
    const found = own?.changes.find((change) => change.id === id)
    if (found !== undefined) return { changes: [found], observedAt: told.observedAt }
    input = own?.after == null ? null : { id: input.id, after: own.after }
  }
  return { changes: [gone], observedAt: observedAt ?? new Date(ctx.now()).toISOString() }
}

function textOf(value: unknown): string | null {
  return typeof value === 'number' ? String(value) : asText(value)
}

function unreadable(): AppError {
  return new AppError(
    'transient',
    'HubSpot told of associations in a form that is not the documented one; this is tried again.',
  )
}
