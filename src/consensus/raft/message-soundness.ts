import type { Entry, NodeId } from '../log/entries.ts'
import { isSound } from '../log/membership.ts'
import type { Append, Message, SnapshotChunk } from './messages.ts'

/** Terms and indexes beyond it are taken for a fault: no group comes so far in its life. */
const NUMBER_MAX = 2 ** 50

/**
 * Whether a message can have been sent by a right member to this node. One that cannot is dropped
 * before it touches anything: the invariants of this node do not rest on its peers.
 *
 * @param snapshotBytesMax of a snapshot that this node takes
 */
export function isSoundMessage(message: Message, to: NodeId, snapshotBytesMax: number): boolean {
  if (message.to !== to || message.from === to || !isNumber(message.term)) return false
  switch (message.type) {
    case 'pre-vote':
    case 'vote':
      return isNumber(message.lastIndex) && isTermWithin(message.lastTerm, message.term)
    case 'append':
      return isSoundAppend(message)
    case 'append-reply':
      return areNumbers(message.index, message.hintIndex, message.hintTerm)
    case 'heartbeat':
      return message.term > 0 && areNumbers(message.commit, message.round)
    case 'heartbeat-reply':
      return isNumber(message.round)
    case 'snapshot-chunk':
      return isSoundChunk(message, snapshotBytesMax)
    case 'snapshot-reply':
      return areNumbers(message.index, message.offset)
    case 'read-request':
      return isNumber(message.context)
    case 'read-reply':
      return isNumber(message.context) && (message.index === null || isNumber(message.index))
    case 'pre-vote-reply':
    case 'vote-reply':
    case 'timeout-now':
      return true
  }
}

function isSoundAppend({ term, prevIndex, prevTerm, entries, commit }: Append): boolean {
  if (term === 0 || !areNumbers(prevIndex, commit) || !isTermWithin(prevTerm, term)) return false
  if (!isNumber(prevIndex + entries.length)) return false
  let index = prevIndex
  let lastTerm = prevTerm
  for (const entry of entries) {
    if (entry.index !== ++index || entry.term < lastTerm) return false
    if (!isTermWithin(entry.term, term) || !hasSoundPayload(entry)) return false
    lastTerm = entry.term
  }
  return true
}

function hasSoundPayload({ payload }: Entry): boolean {
  return payload.kind !== 'membership' || isSound(payload.membership)
}

function isSoundChunk(chunk: SnapshotChunk, snapshotBytesMax: number): boolean {
  const { term, index, indexTerm, membership, offset, totalBytes, data } = chunk
  if (term === 0 || !areNumbers(index, offset, totalBytes)) return false
  if (!isTermWithin(indexTerm, term) || !isSound(membership)) return false
  return totalBytes <= snapshotBytesMax && offset + data.byteLength <= totalBytes
}

function isTermWithin(term: number, most: number): boolean {
  return isNumber(term) && term <= most
}

function areNumbers(...numbers: readonly number[]): boolean {
  return numbers.every(isNumber)
}

function isNumber(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0 && value <= NUMBER_MAX
}
