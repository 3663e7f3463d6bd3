import type { RuleKind, TextProblem } from '../model/language.ts'
import { type AclExpressions, AclScope, aclProblem } from './acls.ts'
import { readRequestRule, readResponseRule, readRoute } from './compile.ts'
import { REQUEST_PHASE, RESPONSE_PHASE, SESSION_PHASE } from './phases.ts'
import { conditionProblem, stickProblem } from './stick-rules.ts'
import { Words } from './words.ts'

/**
 * Checks one rule as written: for an ACL one expression without its name, otherwise the whole
 * rule. Whether a backend exists is not checked, nor again the expressions of ACLs that are named.
 *
 * @param acls what the rule may name beside the predefined ACLs
 * @returns the first problem, or null
 */
export function checkRule(kind: RuleKind, text: string, acls: AclExpressions): TextProblem | null {
  const words = new Words(text)
  switch (kind) {
    case 'acl':
      return aclProblem(text)
    case 'http-request':
      readRequestRule(words, new AclScope(REQUEST_PHASE, acls))
      return words.problem
    case 'http-response':
      readResponseRule(words, new AclScope(RESPONSE_PHASE, acls))
      return words.problem
    case 'use_backend':
      readRoute(words, new AclScope(REQUEST_PHASE, acls))
      return words.problem
    case 'force-persist':
    case 'ignore-persist':
      return conditionProblem(text, REQUEST_PHASE, acls)
    case 'stick':
      return stickProblem(text, REQUEST_PHASE, acls)
    case 'stick in mode tcp':
      return stickProblem(text, SESSION_PHASE, acls)
  }
}
