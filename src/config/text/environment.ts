import { type Parsed, refused } from '../diagnostics/diagnostics.ts'

/** Values by name, as process.env has them. */
export type Environment = Readonly<Record<string, string | undefined>>

/**
 * Which variables a text may name that is not the node's own file: names, and beginnings of names
 * with a `*` after them. Null: any.
 */
export type AllowedVariables = readonly string[] | null

/** What a value looks like that the environment completes, for JSON Schema. */
export const ENVIRONMENT_PATTERN = '\\$\\{'

const REFERENCE = /\$\{([^}]*)(\}?)/g
const NAME_AND_DEFAULT = /^([A-Za-z_][A-Za-z0-9_]*)(?:-(.*))?$/s

/**
 * Replaces `${NAME}` and `${NAME-default}` as HAProxy does (configuration manual, section
 * "Environment variables"): the default stands for a variable that is not set, not for one that is
 * empty. What is put in is not looked at again. Of a variable that is not allowed nothing is said,
 * not even whether it is set.
 */
export function substitute(
  text: string,
  environment: Environment,
  allowed: AllowedVariables = null,
): Parsed<string> {
  let problem: ReturnType<typeof refused> | null = null
  const value = text.replace(REFERENCE, (_, inner: string, closed: string) => {
    const [, name, fallback] = NAME_AND_DEFAULT.exec(inner) ?? []
    if (closed === '' || name === undefined) {
      problem ??= refused(
        'this reference to the environment cannot be read',
        // biome-ignore lint/suspicious/noTemplateCurlyInString: it is what a config says.
        'Write ${NAME} or ${NAME-default}.',
        'environment',
      )
      return ''
    }
    if (allowed !== null && !isAllowed(name, allowed)) {
      const message = `a config that is not this node's own file may not name the variable ${name}`
      const hint = `Add ${name} to admin.env in the file of the node, or a beginning such as WEB_*.`
      problem ??= refused(message, hint, 'environment')
      return ''
    }
    const found = Object.hasOwn(environment, name) ? environment[name] : undefined
    if (found === undefined && fallback === undefined) {
      const hint = `Set ${name}, or give a default: \${${name}-value}.`
      problem ??= refused(`the environment has no variable ${name}`, hint, 'environment')
    }
    return found ?? fallback ?? ''
  })
  return problem ?? { value }
}

function isAllowed(name: string, allowed: readonly string[]): boolean {
  return allowed.some((entry) =>
    entry.endsWith('*') ? name.startsWith(entry.slice(0, -1)) : name === entry,
  )
}
