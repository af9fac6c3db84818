/**
 * One deliberate defect: `from`, in every migration or source file of `files` that has it, becomes `to`. `seenBy` are the
 * tests that must fail then.
 */
export type Mutation = {
  name: string
  /** What is broken by it: the invariant of the stream, and the guarantee that rests on it. */
  breaks: string
  /** `sql`: all migrations; else one file. */
  files: string
  from: string
  to: string
  seenBy: string[]
}

const writing = ['src/stream/write.pg.test.ts', 'src/stream/write.model.pg.test.ts']
const order = ['src/delivery/order.pg.test.ts']
const model = ['src/delivery/consumer.model.pg.test.ts']
const answers = ['src/delivery/answers.pg.test.ts', ...model]
const trim = ['src/stream/purge.pg.test.ts']

/** Each was run and seen (`npm run mutate`). The invariants are listed in docs/guarantees.md. */
export const mutations: Mutation[] = [
  {
    name: 'no-turns',
    breaks: 'commit order is index order (G4)',
    files: 'sql',
    from: 'if n > 0 and not v_locked then\n      perform pg_advisory_xact_lock(7001, p_stream);',
    to: 'if n > 0 and not v_locked then',
    seenBy: order,
  },
  {
    name: 'touch-moves',
    breaks: 'an unchanged observation moves nothing (G3)',
    files: 'sql',
    from: 'updated_idx = case when stream_same_v1(r.hash, r.deleted, excluded.hash) then r.updated_idx else excluded.updated_idx end',
    to: 'updated_idx = excluded.updated_idx',
    seenBy: writing,
  },
  {
    name: 'clock-of-the-statement',
    breaks: 'changed_at never goes back along updated_idx',
    files: 'sql',
    from: 'last_at = greatest(clock_timestamp(), h.last_at)',
    to: "last_at = now() - random() * interval '1 s'",
    seenBy: order,
  },
  {
    name: 'late-look-wins',
    breaks: 'an older observation changes nothing, however late (G2)',
    files: 'sql',
    from: 'where stream_newer_v1(excluded.version, excluded.observed_at, r.version, r.observed_at, v_clk)\n        and not',
    to: 'where not',
    seenBy: writing,
  },
  {
    name: 'order-of-arrival',
    breaks: 'newer is by version, then by observation (G2)',
    files: 'sql',
    from: 'return case when v <> sv then v > sv else o > so or so > clk end',
    to: 'return o > so or so > clk',
    seenBy: writing,
  },
  {
    name: 'listing-resurrects',
    breaks: 'a tombstone is not resurrected on the word of a listing (G2)',
    files: 'sql',
    from: 'when p_page and r.deleted and x.h <> c_gone and x.h <> c_erased',
    to: 'when false and r.deleted and x.h <> c_gone and x.h <> c_erased',
    seenBy: writing,
  },
  {
    name: 'delete-forgets',
    breaks: 'a tombstone keeps the last state',
    files: 'sql',
    from: 'data = case when excluded.hash = c_gone or r.hash = excluded.hash then r.data else excluded.data end',
    to: 'data = excluded.data',
    seenBy: writing,
  },
  {
    name: 'no-second-look',
    breaks: 'what was refused is asked for by id (G11)',
    files: 'sql',
    from: 'if v_again is not null then',
    to: 'if false then',
    seenBy: ['src/stream/touched.pg.test.ts', ...writing],
  },
  {
    name: 'any-lease',
    breaks: 'under a lease that was taken over nothing is written (G9)',
    files: 'sql',
    from: 'where c.checkpoint_no = p_checkpoint and c.lease = p_lease and c.epoch = p_epoch\n        returning',
    to: 'where c.checkpoint_no = p_checkpoint and c.epoch = p_epoch\n        returning',
    seenBy: ['src/stream/checkpoint.pg.test.ts'],
  },
  {
    name: 'any-epoch',
    breaks: 'after a pause nothing is written (G8)',
    files: 'sql',
    from: 'where c.checkpoint_no = p_checkpoint and c.lease = p_lease and c.epoch = p_epoch\n        returning',
    to: 'where c.checkpoint_no = p_checkpoint and c.lease = p_lease\n        returning',
    seenBy: ['src/stream/checkpoint.pg.test.ts'],
  },
  {
    name: 'page-before-checkpoint',
    breaks: 'an unchanged page of a listing takes no transaction id',
    files: 'sql',
    from: 'elsif n > 0 or v_tch is not null then',
    to: 'elsif true then',
    seenBy: ['src/stream/checkpoint.pg.test.ts'],
  },
  {
    name: 'out-twice',
    breaks: 'a record is with one worker at a time (G5)',
    files: 'sql',
    from: 'set next_idx = case when f.op > 0 then excluded.idx end,\n              idx = case when f.op > 0 then f.idx else excluded.idx end,',
    to: 'set next_idx = null, idx = excluded.idx,',
    seenBy: model,
  },
  {
    name: 'newer-version-forgotten',
    breaks: 'a newer version that was passed is remembered (G5)',
    files: 'sql',
    from: 'set next_idx = case when f.op > 0 then excluded.idx end,',
    to: 'set next_idx = f.next_idx,',
    seenBy: answers,
  },
  {
    name: 'no-room-check',
    breaks: 'at most max_ack_pending are out',
    files: 'sql',
    from: 'v_left := least(p_n, s.max_ack_pending - s.pending);',
    to: 'v_left := p_n;',
    seenBy: answers,
  },
  {
    name: 'room-never-comes-back',
    breaks: 'pending counts what is out',
    files: 'sql',
    from: 'pending = x.pending - v_out - v_again, waiting = x.waiting + v_again - v_late',
    to: 'pending = x.pending - v_out, waiting = x.waiting + v_again - v_late',
    seenBy: answers,
  },
  {
    name: 'clock-set-back',
    breaks: 'a clock that was set back delays nothing (G6)',
    files: 'sql',
    from: "if s.out_floor > v_clk + interval '1 s' then",
    to: 'if false then',
    seenBy: answers,
  },
  {
    name: 'below-the-floor',
    breaks: 'nothing waits below the floor of what waits',
    files: 'sql',
    from: 'case when count(*) < v_left then v_now else max(q.due_at) end',
    to: "case when count(*) < v_left then v_now else max(q.due_at) + interval '1 h' end",
    seenBy: answers,
  },
  {
    name: 'any-nonce',
    breaks: 'a token of another delivery changes nothing (G6)',
    files: 'sql',
    from: 'and f.nonce = t.x',
    to: '',
    seenBy: answers,
  },
  {
    name: 'any-delivery',
    breaks: 'a token that was replaced changes nothing (G6)',
    files: 'sql',
    from: 'and f.op = case when p_late then -t.o else t.o end',
    to: 'and p_late = (f.op < 0)',
    seenBy: answers,
  },
  {
    name: 'late-ack-is-lost',
    breaks: 'an ack after ack_wait counts until the record is delivered again (G6)',
    files: 'sql',
    from: 'op = case when p_expired and f.next_idx is null then -f.op else 0 end',
    to: 'op = 0',
    seenBy: answers,
  },
  {
    name: 'poison-fills-the-batch',
    breaks: 'redeliveries take at most half (G7)',
    files: 'sql',
    from: 'else v_left - least(v_redo, floor(v_left / 2.0 + random())::int)',
    to: 'else v_left - least(v_redo, v_left)',
    seenBy: answers,
  },
  {
    name: 'waiting-without-bound',
    breaks: 'waiting is bounded by 10 × max_ack_pending (G7)',
    files: 'sql',
    from: 'when s.waiting >= 10 * s.max_ack_pending then 0',
    to: 'when false then 0',
    seenBy: answers,
  },
  {
    name: 'count-of-the-record',
    breaks: 'the count of deliveries belongs to a version (G7)',
    files: 'sql',
    from: 'deliver_count = case when f.op > 0 then f.deliver_count else 1 end',
    to: 'deliver_count = case when f.op > 0 then f.deliver_count else f.deliver_count + 1 end',
    seenBy: answers,
  },
  {
    name: 'never-dead',
    breaks: 'past max_deliver a version is a dead letter (G7)',
    files: 'sql',
    from: 'if v_max > 0 then',
    to: 'if false then',
    seenBy: answers,
  },
  {
    name: 'superseded-is-dead',
    breaks: 'a version that is no longer current is no dead letter (G7)',
    files: 'sql',
    from: 'where f.ctid = any(p_tid) and f.next_idx is null and f.deliver_count >= v_max',
    to: 'where f.ctid = any(p_tid) and f.deliver_count >= v_max',
    seenBy: answers,
  },
  {
    name: 'handed-back-counts',
    breaks: 'handed back is not delivered (G7)',
    files: 'sql',
    from: 'case when f.next_idx is null then f.deliver_count - 1 else 0 end',
    to: 'case when f.next_idx is null then f.deliver_count else 0 end',
    seenBy: ['src/delivery/dispatcher.pg.test.ts'],
  },
  {
    name: 'list-of-sources-is-old',
    breaks: 'a source made while consumers scan is skipped by none (G4)',
    files: 'sql',
    from: 'if s.filtered and s.rev is distinct from s.source_rev then',
    to: 'if s.filtered and s.source_rev is null then',
    seenBy: order,
  },
  {
    name: 'trim-ahead-of-cursors',
    breaks: 'no tombstone is trimmed that a consumer has yet to pass (G4)',
    files: 'sql',
    from: 'and (floor_idx is null or r.updated_idx <= floor_idx)',
    to: '',
    seenBy: trim,
  },
  {
    name: 'trim-in-flight',
    breaks: 'no tombstone is trimmed that is in flight (G5)',
    files: 'sql',
    from: 'where c.stream_no = p_stream and f.record_no = r.record_no)',
    to: 'where false)',
    seenBy: trim,
  },
  {
    name: 'trim-dead-letters',
    breaks: 'no tombstone is trimmed that is a dead letter (G7)',
    files: 'sql',
    from: 'where c.stream_no = p_stream and l.record_no = r.record_no and l.idx = r.updated_idx)',
    to: 'where false)',
    seenBy: trim,
  },
  {
    name: 'sweep-of-the-young',
    breaks: 'what was observed after the enumeration began is no candidate (G11)',
    files: 'src/stream/sweep.ts',
    from: 'seen.id is null and r.observed_at < (select at from began) as is',
    to: 'seen.id is null as is',
    seenBy: ['src/stream/enumerate.pg.test.ts'],
  },
  {
    name: 'quarantine-for-ever',
    breaks: 'what can be stored again leaves the quarantine (G14)',
    files: 'sql',
    from: 'and q.observed_at <= coalesce(a_o[g.i], a_o[1])',
    to: 'and false',
    seenBy: ['src/stream/quarantine.pg.test.ts', 'activities/pages.pg.test.ts'],
  },
  {
    name: 'lost-in-quarantine',
    breaks: 'what cannot be stored is put apart before the cursor moves past it (G14)',
    files: 'activities/pages.ts',
    from: 'await quarantine(deps.pools.write, refused)',
    to: 'void refused',
    seenBy: ['activities/pages.pg.test.ts'],
  },
]
