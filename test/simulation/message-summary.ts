import type { Message } from '../../src/consensus/raft/messages.ts'

/** A message in a few words, for the trace. */
export function summaryOf(message: Message): string {
  const rest = Object.entries(message).map(([name, value]) => {
    if (name === 'entries') return `entries=${(value as readonly unknown[]).length}`
    if (name === 'data') return `bytes=${(value as Uint8Array).length}`
    return name === 'membership' || name === 'type' ? '' : `${name}=${String(value)}`
  })
  return `${message.type} ${rest.filter((part) => part !== '').join(' ')}`
}
