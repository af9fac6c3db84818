import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Mutation } from './mutation.ts'

/** The files of a tree that hold the text that a defect changes. */
export function placesOf(tree: string, { files, from }: Mutation): string[] {
  const paths =
    files === 'sql'
      ? readdirSync(join(tree, 'drizzle'))
          .filter((file) => file.endsWith('.sql'))
          .map((file) => join('drizzle', file))
      : [files]
  return paths
    .map((path) => join(tree, path))
    .filter((path) => readFileSync(path, 'utf8').includes(from))
}

/** Puts a defect into a tree. */
export function mutate(tree: string, mutation: Mutation): void {
  const places = placesOf(tree, mutation)
  if (places.length === 0) {
    throw new Error(`The mutation ${mutation.name} fits nowhere: its text has changed.`)
  }
  for (const path of places) {
    const text = readFileSync(path, 'utf8')
    writeFileSync(
      path,
      text.replaceAll(mutation.from, () => mutation.to),
    )
  }
}
