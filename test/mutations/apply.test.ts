import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { placesOf } from './apply.ts'
import { mutations } from './list.ts'

const root = join(import.meta.dirname, '../..')

test.each(mutations)(
  'the defect $name still fits the code, and its tests are there',
  (mutation) => {
    expect(placesOf(root, mutation)).not.toEqual([])
    expect(mutation.seenBy.filter((path) => !existsSync(join(root, path)))).toEqual([])
  },
)
