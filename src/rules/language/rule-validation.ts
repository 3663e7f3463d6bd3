import type { RuleKind, TextProblem } from '../../model/language.ts'
import { parseCaptureLine } from '../actions/capture-rules.ts'
import { conditionProblem, stickProblem } from '../actions/stick-rules.ts'
import { CaptureSlots } from '../captures.ts'
import type { PatternEngine } from '../samples/patterns.ts'
import { type AclExpressions, AclScope, aclProblem } from './acls.ts'
import { readRequestRule, readResponseRule, readRoute } from './compile.ts'
import { CONTENT_PHASE, REQUEST_PHASE, RESPONSE_PHASE, SESSION_PHASE } from './phases.ts'
import { readTcpRequest } from './session-rules.ts'
import { Words } from './words.ts'

/**
 * Checks one rule as written: for an ACL one expression without its name, otherwise the whole
 * rule. Whether a backend exists is not checked, nor again the expressions of ACLs that are named.
 *
 * @param acls what the rule may name beside the predefined ACLs
 * @returns the first problem, or null
 */
export function validateRule(
  kind: RuleKind,
  text: string,
  acls: AclExpressions,
  patterns: PatternEngine,
): TextProblem | null {
  const words = new Words(text)
  const slots = kind.endsWith(' of a backend') ? null : new CaptureSlots()
  switch (kind) {
    case 'acl':
      return aclProblem(text, patterns)
    case 'capture':
      parseCaptureLine(new CaptureSlots(), words)
      return words.problem
    case 'http-request':
    case 'http-request of a backend':
      readRequestRule(words, new AclScope(REQUEST_PHASE, acls, patterns), slots)
      return words.problem
    case 'http-response':
    case 'http-response of a backend':
      readResponseRule(words, new AclScope(RESPONSE_PHASE, acls, patterns), slots)
      return words.problem
    case 'use_backend':
      readRoute(words, new AclScope(REQUEST_PHASE, acls, patterns))
      return words.problem
    case 'use_backend in mode tcp':
      readRoute(words, new AclScope(CONTENT_PHASE, acls, patterns))
      return words.problem
    case 'tcp-request':
      readTcpRequest(words, new AclScope(CONTENT_PHASE, acls, patterns))
      return words.problem
    case 'force-persist':
    case 'ignore-persist':
      return conditionProblem(text, new AclScope(REQUEST_PHASE, acls, patterns))
    case 'stick':
      return stickProblem(text, new AclScope(REQUEST_PHASE, acls, patterns))
    case 'stick in mode tcp':
      return stickProblem(text, new AclScope(SESSION_PHASE, acls, patterns))
  }
}
