import { Type, type Static } from 'typebox';
import type { Problem } from './problem.js';

export const PROBLEM_MEDIA_TYPE = 'application/problem+json; charset=utf-8';

/** RFC 9457 section 3, with `code` and `errors` as extension members. */
export const ProblemBody = Type.Object(
  {
    type: Type.String({ format: 'uri', description: '`urn:gatehouse:problem:<code>`' }),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.String(),
    instance: Type.String({ format: 'uri', description: '`urn:uuid:<request id>`' }),
    code: Type.String({ description: 'Stable, in snake_case; each response lists its codes.' }),
    errors: Type.Optional(
      Type.Array(
        Type.Object(
          {
            pointer: Type.String({
              description: 'JSON Pointer into the body; `?name` for a query parameter, `{name}` for a path parameter.',
            }),
            detail: Type.String(),
          },
          { additionalProperties: false },
        ),
      ),
    ),
  },
  { $id: 'Problem', title: 'Problem', additionalProperties: false },
);
export type ProblemBody = Static<typeof ProblemBody>;

/** Built member by member, so that no undeclared member is sent. */
export function problemBody(problem: Problem, requestId: string): ProblemBody {
  const { code, status, title } = problem.kind;
  return {
    type: `urn:gatehouse:problem:${code}`,
    title,
    status,
    detail: problem.detail,
    instance: `urn:uuid:${requestId}`,
    code,
    ...(problem.errors && { errors: problem.errors.map(({ pointer, detail }) => ({ pointer, detail })) }),
  };
}
