/** What an HTTP API answered: looked at by tests, not typed. */
export type Answer = { status: number; body: Body }

// oxlint-disable-next-line typescript/no-explicit-any -- a type for each answer would say again what the test says
export type Body = any
