/**
 * Cursors of lists. Each kind has one form, which the API describes as a pattern: what has the form is a position, whether or not a row
 * stands there, so a cursor can be made up but never be wrong.
 */

/** Of lists by (created_at, id): microseconds and the id. */
export const rowCursorForm = /^r([0-9]{1,16})-([0-9a-f]{32})$/
/** Of lists by a number that only grows. */
export const numberCursorForm = /^n([0-9]{1,15})$/

export const notACursor =
  'is not a cursor of this list: take it from `next_cursor` of an earlier answer'

/** `micros`: of the row's created_at, as text. */
export function rowCursor(micros: string, id: string): string {
  return `r${micros}-${id.replaceAll('-', '')}`
}

export function numberCursor(position: string | number): string {
  return `n${position}`
}

/** Null: not of this form. */
export function readRowCursor(cursor: string): { micros: string; id: string } | null {
  const [, micros, id] = rowCursorForm.exec(cursor) ?? []
  return micros === undefined || id === undefined ? null : { micros, id }
}

/** Null: not of this form. */
export function readNumberCursor(cursor: string): string | null {
  return numberCursorForm.exec(cursor)?.[1] ?? null
}
