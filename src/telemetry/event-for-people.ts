/** Whether a character could be taken for a command by a terminal: all controls but the line feed. */
function isControl(code: number): boolean {
  return (code < 0x20 && code !== 0x0a) || (code >= 0x7f && code < 0xa0)
}

/** Begins the second and further lines of an event. */
const INDENTATION = '         '

/**
 * A line of the daemon log as people read it on a terminal: the time of day, the level where it is
 * not `info`, the node, what happened, and of an error what to do about it or where it arose.
 *
 * @param line JSON as the log has it; anything else is given back as it is
 * @returns one line or several, each with its end
 */
export function eventForPeople(line: string): string {
  const event = parsed(line)
  if (event === null) return `${harmless(line.trimEnd())}\n`
  const { level, time, node, message, error, hint } = event
  const clock = new Date(String(time)).toLocaleTimeString('en-GB')
  const words = [clock, level === 'info' ? '' : String(level), String(node ?? ''), String(message)]
  const about = error instanceof Object ? (error as Record<string, unknown>) : {}
  const more = about['source'] === 'operator' ? about['hint'] : (hint ?? about['stack'])
  const text = words.filter((word) => word !== '').join(' ')
  const whole = typeof more === 'string' ? `${text}\n${more}` : text
  return `${harmless(whole.trimEnd()).replaceAll('\n', `\n${INDENTATION}`)}\n`
}

function parsed(line: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(line)
    return value instanceof Object ? (value as Record<string, unknown>) : null
  } catch {
    return null
  }
}

function harmless(text: string): string {
  let safe = ''
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0
    safe += isControl(code) ? `\\x${code.toString(16).padStart(2, '0')}` : character
  }
  return safe
}
