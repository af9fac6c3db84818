export type Case = {
  case: string
  value: number
  unit: string
  peer_value?: number
  /** Ours / the peer's or the limit's: higher is better. */
  ratio?: number
}

export type Flags = {
  json: boolean
  has(key: string): boolean
  number(key: string, otherwise: number): number
  text(key: string, otherwise: string): string
}
