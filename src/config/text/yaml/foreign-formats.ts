import type { Problem } from '../../diagnostics/diagnostics.ts'
import type { SourceText, Span } from '../../diagnostics/source-text.ts'

/** A file of another program: how it is known, and what to do with it. */
interface ForeignFormat {
  /** What such a file is called, with its article. */
  readonly title: string
  /** A line that such a file has and no config in YAML: it lacks a colon. */
  readonly line: RegExp
  /** Another that it has too, where the first may be YAML that lacks its colon by mistake. */
  readonly other?: RegExp
  /** How a part of it is written here. */
  readonly hint: string
}

const EXAMPLE = 'frontends: {web: {mode: http, bind: ":80", default_backend: app}}'

const FORMATS: readonly ForeignFormat[] = [
  {
    title: 'an haproxy.cfg',
    line: /^(?:global|defaults|(?:frontend|backend|listen)[ \t]+[^\s:{]+)(?:[ \t]+from[ \t]+\S+)?[ \t]*(?:#.*)?$/m,
    other:
      /^[ \t]+(?:balance|bind|daemon|default_backend|log|maxconn|mode|option|server|stats|timeout|user)(?:[ \t]+[^:\s]|[ \t]*$)/m,
    hint: `A section becomes a map by name, a line a key: ${EXAMPLE}; see docs/configuration.md.`,
  },
  {
    title: 'a file of nginx',
    line: /^[ \t]*(?:events|http|stream|server|upstream[ \t]+\S+|location[ \t].*)[ \t]*\{/m,
    hint: `A server becomes a frontend, an upstream a backend: ${EXAMPLE}; see docs/configuration.md.`,
  },
  {
    title: 'a Caddyfile',
    line: /^[ \t]*(?:reverse_proxy|file_server|handle_path|php_fastcgi)\b(?![ \t]*:).*$/m,
    hint: `A site becomes a frontend, what it proxies to a backend: ${EXAMPLE}; see docs/configuration.md.`,
  },
  {
    title: 'a file in TOML',
    line: /^\[[A-Za-z][\w."-]*\][ \t]*(?:#.*)?$/m,
    hint: `A table becomes a map: ${EXAMPLE}; see docs/configuration.md.`,
  },
]

/**
 * Says of a text that is no config whether it is the file of another program.
 *
 * @returns null where it is none that is known
 */
export function recognizeForeignFormat({ text }: SourceText): {
  readonly span: Span
  readonly problem: Problem
} | null {
  for (const { title, line, other, hint } of FORMATS) {
    const found = line.exec(text)
    if (found === null || other?.test(text) === false) continue
    const indent = found[0].length - found[0].trimStart().length
    const span = { start: found.index + indent, end: found.index + found[0].trimEnd().length }
    const message = `this is ${title}; a config of Sluice is YAML`
    return { span, problem: { code: 'foreign-format', message, hint } }
  }
  return null
}
