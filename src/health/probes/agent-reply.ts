/** What an agent says of its server. What it does not speak of is null and stays as it is. */
export interface AgentVerdict {
  /** Of the configured weight, 0 or more; 0 takes no new session. */
  readonly weightPercent: number | null
  /** Whether the server works, as a check would find it. */
  readonly state: 'up' | 'down' | null
  /** What the administrator of the server wants. */
  readonly adminState: 'ready' | 'drain' | 'maint' | null
  /** Sessions at once, at least 1. */
  readonly maxconn: number | null
  /** The word that has taken the server down (`down`, `fail`, `stopped`), and what follows `#`. */
  readonly reason: string
}

/** Bytes of a reply that are read: its first line. */
export const AGENT_REPLY_BYTES_MAX = 1024

const SEPARATORS = /[ \t,]+/
const WEIGHT_PERCENT_MAX = 25_600
const MAXCONN_MAX = 1_000_000

/**
 * Reads the line that an agent answers with (HAProxy configuration manual, agent-check): words
 * separated by blanks or commas, in lower or upper case; `#` begins a description. Of words that
 * speak of the same the last counts.
 *
 * @param line without its end
 * @returns null where a word is unknown or there is none: such a reply changes nothing
 */
export function parseAgentReply(line: string): AgentVerdict | null {
  const [, list = '', description = ''] = /^([^#]*)(?:#\s*(.*))?$/s.exec(line) ?? []
  const words = list.split(SEPARATORS).filter((word) => word !== '')
  if (words.length === 0) return null
  let verdict: AgentVerdict = {
    weightPercent: null,
    state: null,
    adminState: null,
    maxconn: null,
    reason: '',
  }
  for (const word of words) {
    const said = readWord(word.toLowerCase())
    if (said === null) return null
    verdict = { ...verdict, ...said }
  }
  const reason = [verdict.reason, printable(description)].filter((part) => part !== '').join(': ')
  return { ...verdict, reason }
}

function readWord(word: string): Partial<AgentVerdict> | null {
  switch (word) {
    case 'up':
      return { state: 'up', reason: '' }
    case 'down':
    case 'fail':
    case 'stopped':
      return { state: 'down', reason: word }
    case 'ready':
    case 'drain':
    case 'maint':
      return { adminState: word }
  }
  const [, percent, sessions] = /^(?:([0-9]{1,5})%|maxconn:([0-9]{1,7}))$/.exec(word) ?? []
  if (percent !== undefined) {
    return Number(percent) > WEIGHT_PERCENT_MAX ? null : { weightPercent: Number(percent) }
  }
  const maxconn = Number(sessions ?? 0)
  return maxconn < 1 || maxconn > MAXCONN_MAX ? null : { maxconn }
}

function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '').trim()
}
