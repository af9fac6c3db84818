import { delivered } from './delivered.ts'
import type { Mutation } from './mutation.ts'
import { written } from './written.ts'

/** Each was run and seen (`npm run mutate`). The invariants are listed in docs/guarantees.md. */
export const mutations: Mutation[] = [...written, ...delivered]
