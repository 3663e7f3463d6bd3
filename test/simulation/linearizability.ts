/**
 * What a client asked of one key. All values of a history are best unique, so that a read says which
 * write it saw. `append` and `read` answer with the whole value.
 */
export type Request =
  | { readonly kind: 'read' }
  | { readonly kind: 'write'; readonly value: string }
  | { readonly kind: 'append'; readonly value: string }
  | { readonly kind: 'swap'; readonly expected: string; readonly value: string }

/** One request and what came of it. */
export interface Operation {
  readonly client: string
  readonly key: string
  readonly request: Request
  /** Moment of the call; moments of calls and returns are any growing numbers. */
  readonly calledAt: number
  /** Moment of the answer; `Infinity` where none has come: it may take effect at any time, or never. */
  readonly returnedAt: number
  /** `read`, `append`: the value. `swap`: whether it swapped. `write`: null. Ignored without answer. */
  readonly answer: string | boolean | null
}

/** What is known of a history. */
export interface Verdict {
  /** `undecided`: the search has been given up after its bound. */
  readonly outcome: 'linearizable' | 'violated' | 'undecided'
  /** The key that has no order; null unless violated or undecided. */
  readonly key: string | null
  /** Places that the search has looked at. */
  readonly steps: number
}

/** Steps of the search for one key after which it is given up. */
const STEPS_MAX = 2_000_000

/** The value of a key before the first write. */
const INITIAL_VALUE = ''

/**
 * Whether there is one order of all operations that respects real time and explains every answer
 * (Herlihy and Wing). The search is that of Wing and Gong with Lowe's memory of what has failed;
 * keys are independent, so each is searched alone.
 *
 * Operations without an answer are only given a place where an answer needs them. Nothing is missed
 * by that. They may take effect arbitrarily late, or never, so in any order that explains all
 * answers those that stand before a `write` may be left out, for it covers them up; those before an
 * answer that says nothing of them may be moved behind it; and of those before an answer that tells
 * the value, all that do not lead from the value before to that one may be left out. What stays are
 * the chains that {@link chainsTo} looks for.
 *
 * @param stepsMax places to look at for each key before giving up
 */
export function checkLinearizability(
  history: readonly Operation[],
  stepsMax: number = STEPS_MAX,
): Verdict {
  let steps = 0
  let undecided: string | null = null
  for (const [key, operations] of byKey(history)) {
    const found = new Search(operations, stepsMax).run()
    steps += found.steps
    if (found.outcome === 'violated') return { outcome: 'violated', key, steps }
    if (found.outcome === 'undecided') undecided = key
  }
  return { outcome: undecided === null ? 'linearizable' : 'undecided', key: undecided, steps }
}

/** Reads without an answer say nothing and are left out. */
function byKey(history: readonly Operation[]): Map<string, Operation[]> {
  const groups = new Map<string, Operation[]>()
  for (const operation of history) {
    if (operation.request.kind === 'read' && operation.returnedAt === Infinity) continue
    const group = groups.get(operation.key)
    if (group === undefined) groups.set(operation.key, [operation])
    else group.push(operation)
  }
  return groups
}

/**
 * What the key holds after an operation.
 *
 * @returns null where the answer cannot have been given
 */
export function valueAfter(value: string, operation: Operation): string | null {
  const { request, answer } = operation
  const isAnswered = operation.returnedAt !== Infinity
  switch (request.kind) {
    case 'read':
      return isAnswered && answer !== value ? null : value
    case 'write':
      return request.value
    case 'append': {
      const longer = value + request.value
      return isAnswered && answer !== longer ? null : longer
    }
    case 'swap': {
      const swaps = value === request.expected
      if (isAnswered && answer !== swaps) return null
      return swaps ? request.value : value
    }
  }
}

/** A call or a return, in a list that calls and returns are lifted out of and put back into. */
interface Event {
  readonly operation: Operation
  readonly number: number
  /** Of a call: its return. Null: this is a return. */
  readonly end: Event | null
  before: Event | null
  after: Event | null
}

/** An operation without an answer. */
interface Pending {
  readonly operation: Operation
  readonly number: number
}

/** An answered operation and what stands just before it. */
interface Step {
  readonly call: Event
  readonly chain: readonly Pending[]
  /** What the key holds after it. */
  readonly value: string
}

/** Where the search has a choice. */
interface Choice {
  readonly steps: readonly Step[]
  /** How many of them have been tried. */
  tried: number
}

class Search {
  readonly #stepsMax: number
  readonly #head: Event
  readonly #pending: readonly Pending[]
  /** Which operations have a place. */
  readonly #isPlaced: Uint32Array
  readonly #visited = new Set<string>()

  constructor(operations: readonly Operation[], stepsMax: number) {
    this.#stepsMax = stepsMax
    this.#isPlaced = new Uint32Array(Math.ceil(operations.length / 32))
    this.#head = listOf(operations)
    this.#pending = operations
      .map((operation, number) => ({ operation, number }))
      .filter(({ operation }) => operation.returnedAt === Infinity)
  }

  run(): { readonly outcome: Verdict['outcome']; readonly steps: number } {
    const choices: Choice[] = [this.#choiceAt(INITIAL_VALUE)]
    let steps = 0
    while (this.#head.after !== null) {
      const choice = choices.at(-1)
      if (choice === undefined) return { outcome: 'violated', steps }
      const step = choice.steps[choice.tried]
      if (step === undefined) {
        choices.pop()
        const before = choices.at(-1)
        if (before !== undefined) this.#undo(before.steps[before.tried - 1])
        continue
      }
      steps += 1
      if (steps > this.#stepsMax) return { outcome: 'undecided', steps }
      choice.tried += 1
      this.#take(step)
      choices.push(this.#choiceAt(step.value))
    }
    return { outcome: 'linearizable', steps }
  }

  #take({ call, chain }: Step): void {
    this.#flip(call.number)
    for (const { number } of chain) this.#flip(number)
    lift(call)
  }

  #undo(step: Step | undefined): void {
    if (step === undefined) return
    putBack(step.call)
    this.#flip(step.call.number)
    for (const { number } of step.chain) this.#flip(number)
  }

  /** What may come next; nothing where the search has been before, in vain. */
  #choiceAt(value: string): Choice {
    const place = `${this.#isPlaced.join()}|${value}`
    if (this.#visited.has(place)) return { steps: [], tried: 0 }
    this.#visited.add(place)
    const steps: Step[] = []
    for (const call of this.#nextCalls()) {
      for (const chain of this.#chainsBefore(call.operation, value)) {
        const before = chain.reduce((text, link) => valueAfter(text, link.operation) ?? text, value)
        const next = valueAfter(before, call.operation)
        if (next !== null) steps.push({ call, chain, value: next })
      }
    }
    return { steps, tried: 0 }
  }

  /** The answered operations that may be next: those called before the first return. */
  #nextCalls(): Event[] {
    const calls: Event[] = []
    for (let at = this.#head.after; at !== null && at.end !== null; at = at.after) calls.push(at)
    return calls
  }

  /** Which of those without an answer may have taken effect just before an answered operation. */
  #chainsBefore(operation: Operation, value: string): readonly (readonly Pending[])[] {
    const { request, answer } = operation
    switch (request.kind) {
      case 'write':
        return [[]]
      case 'read':
        return chainsTo(String(answer), value, this.#available())
      case 'append': {
        const longer = String(answer)
        if (!longer.endsWith(request.value)) return []
        const needed = longer.slice(0, longer.length - request.value.length)
        return chainsTo(needed, value, this.#available())
      }
      case 'swap': {
        if (answer === true) return chainsTo(request.expected, value, this.#available())
        if (value !== request.expected) return [[]]
        // Anything that changes the value explains why it was not swapped.
        return this.#available()
          .filter((pending) => valueAfter(value, pending.operation) !== value)
          .map((pending) => [pending])
      }
    }
  }

  /** Those without a place that were called before the first return. */
  #available(): Pending[] {
    let at = this.#head.after
    while (at !== null && at.end !== null) at = at.after
    const firstReturn = at?.operation.returnedAt ?? Infinity
    return this.#pending.filter(
      ({ operation, number }) => operation.calledAt <= firstReturn && !this.#has(number),
    )
  }

  #has(number: number): boolean {
    return ((this.#isPlaced[number >>> 5] ?? 0) & (1 << (number & 31))) !== 0
  }

  #flip(number: number): void {
    const word = number >>> 5
    this.#isPlaced[word] = (this.#isPlaced[word] ?? 0) ^ (1 << (number & 31))
  }
}

/** All ways to come from one value to another by operations without an answer. */
function chainsTo(target: string, value: string, pending: readonly Pending[]): Pending[][] {
  if (target === value) return [[]]
  const chains: Pending[][] = []
  for (const last of pending) {
    const { request } = last.operation
    if (request.kind === 'read' || !target.endsWith(request.value)) continue
    if (request.kind === 'write') {
      if (request.value === target) chains.push([last])
      continue
    }
    if (request.kind === 'swap' && request.value !== target) continue
    const needed =
      request.kind === 'swap'
        ? request.expected
        : target.slice(0, target.length - request.value.length)
    const others = pending.filter((other) => other !== last)
    for (const chain of chainsTo(needed, value, others)) chains.push([...chain, last])
  }
  return chains
}

/** Calls and returns of the answered, in the order of their moments; where equal, calls first. */
function listOf(operations: readonly Operation[]): Event {
  const events: { at: number; event: Event }[] = []
  operations.forEach((operation, number) => {
    if (operation.returnedAt === Infinity) return
    const end: Event = { operation, number, end: null, before: null, after: null }
    const call: Event = { operation, number, end, before: null, after: null }
    events.push({ at: operation.calledAt, event: call }, { at: operation.returnedAt, event: end })
  })
  events.sort((a, b) => a.at - b.at || Number(a.event.end === null) - Number(b.event.end === null))
  const first = operations[0]
  if (first === undefined) throw new RangeError('a history without operations has no list')
  const head: Event = { operation: first, number: -1, end: null, before: null, after: null }
  let last = head
  for (const { event } of events) {
    last.after = event
    event.before = last
    last = event
  }
  return head
}

/** Takes a call and its return out of the list; they remember where they were. */
function lift(call: Event): void {
  unlink(call)
  if (call.end !== null) unlink(call.end)
}

/** Undoes the latest {@link lift} that is not undone. */
function putBack(call: Event): void {
  if (call.end !== null) link(call.end)
  link(call)
}

function unlink(event: Event): void {
  if (event.before !== null) event.before.after = event.after
  if (event.after !== null) event.after.before = event.before
}

function link(event: Event): void {
  if (event.before !== null) event.before.after = event
  if (event.after !== null) event.after.before = event
}
