import { bigint, customType, timestamp } from 'drizzle-orm/pg-core'

/** Columns that several tables share. */
export const at = () => timestamp({ withTimezone: true, mode: 'date' })
export const big = () => bigint({ mode: 'number' })
export const createdAt = () => at().notNull().defaultNow()
export const bytea = customType<{ data: Buffer }>({ dataType: () => 'bytea' })
export const textArray = customType<{ data: string[] }>({ dataType: () => 'text[]' })
export const intArray = customType<{ data: number[] }>({ dataType: () => 'int4[]' })
export const bigArray = customType<{ data: number[] }>({ dataType: () => 'int8[]' })
