import { defineConfig } from 'drizzle-kit'

export default defineConfig({
  dialect: 'postgresql',
  schema: ['control', 'stream', 'consumer', 'quota'].map((name) => `./src/db/schema/${name}.ts`),
  out: './drizzle',
  casing: 'snake_case',
})
