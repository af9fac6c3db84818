import { z } from 'zod'
import { notACursor, numberCursorForm, rowCursorForm } from '../../domain/cursor.ts'

/** Shapes that many objects share. Messages are reasons that stand after a field's name: `must be …`. */
const metadataBytesMax = 16_384

export const text = (max: number) =>
  z
    .string()
    .min(1)
    .max(max)
    .regex(/^[^\x00]*$/, { error: 'holds a NUL character' })

export const name = text(200).describe('For people.')

/** What is written again as it was read. Recursion is safe here: the depth of bodies is bounded. */
function exact(value: unknown): boolean {
  if (typeof value === 'number') return Math.abs(value) <= Number.MAX_SAFE_INTEGER
  return typeof value !== 'object' || value === null || Object.values(value).every(exact)
}

export const freeJson = z.record(z.string(), z.unknown()).refine(exact, {
  message: 'holds a number beyond ±9007199254740991, whose digits get lost: send it as a text',
})

export const metadata = freeJson
  .refine((value) => JSON.stringify(value).length <= metadataBytesMax, {
    message: `may have at most ${metadataBytesMax / 1024} kB`,
  })
  .describe('Free JSON of yours. Lists filter by it.')

export const metadataFilter = freeJson.describe(
  'Objects whose `metadata` contains this JSON object: `{"plan":"pro"}`.',
)

/** Of an object in an answer. */
export const id = z.string().meta({ format: 'uuid' })
export const time = z.string().meta({ format: 'date-time' })

/** In a request. */
export const idIn = z.guid({ error: 'must be an id: a uuid' })

export const provider = z.string().min(1).max(100).describe('A provider of `GET /v1/providers`.')

export const streamRef = text(100).describe('Id or slug of a stream.')

/** From one minute to 30 days, in each unit. */
const frequencies = [
  'continuous',
  '([6-9][0-9]|[1-9][0-9]{2,5})s',
  '([1-9][0-9]{0,3}|[1-3][0-9]{4}|4[0-2][0-9]{3}|43[01][0-9]{2}|43200)m',
  '([1-9][0-9]?|[1-6][0-9]{2}|7[01][0-9]|720)h',
  '([1-9]|[12][0-9]|30)d',
]

export const syncFrequency = z
  .string()
  .regex(new RegExp(`^(${frequencies.join('|')})$`), {
    error: 'must be `continuous` or a duration from `1m` to `30d`, such as `15m`, `4h` or `1d`',
  })
  .describe('`continuous`, or a duration such as `15m`, `4h`, `24h`.')

export const rateLimit = z
  .strictObject({
    allowed_requests: z.number().int().min(1).max(1_000_000).describe('Requests in an interval.'),
    interval: z.number().int().min(1).max(2_592_000).describe('Seconds.'),
    max_concurrent_requests: z.number().int().min(0).max(1000).default(0).describe('0: no cap.'),
  })
  .describe('A hard ceiling over all traffic of the credential.')

export const deletedAnswer = z
  .object({ id: z.string(), deleted: z.literal(true) })
  .meta({ id: 'Deleted' })

export const listQuery = {
  limit: z.number().int().min(1).max(200).default(50).describe('How many objects to answer with.'),
  cursor: cursorOf(rowCursorForm),
}

/** Of lists that go by a number. */
export const numberCursor = cursorOf(numberCursorForm)

export function cursorOf(form: RegExp) {
  return z
    .string()
    .regex(form, { error: notACursor })
    .optional()
    .describe('`next_cursor` of the answer before: what follows it.')
}

export function listOf<Item extends z.ZodType>(item: Item, called: string) {
  return z
    .object({
      data: z.array(item),
      next_cursor: z.string().nullable().describe('Null: there is no more.'),
    })
    .meta({ id: called })
}

export const healthStatuses = ['initializing', 'healthy', 'warning', 'error'] as const

export const health = z
  .object({
    status: z.enum(healthStatuses),
    checks: z.array(
      z.object({
        name: z.string(),
        status: z.enum(healthStatuses),
        message: z.string().describe('What is, since when, and what to do.'),
      }),
    ),
    last_healthy_at: time.nullable(),
    erroring_since: time.nullable(),
  })
  .meta({ id: 'Health' })
