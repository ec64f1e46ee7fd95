import { describe, expect, it } from 'vitest';
import { notFound } from './http-status.problems.js';
import { defineOwnProblem, defineProblem } from './problem.js';

const taken = (code: string): string => `the problem code ${code} is one of Gatehouse`;

describe('a problem of an application', () => {
  it('has a code, a status and a text of its own, also when it is defined twice', () => {
    const definition = { code: 'note_locked', status: 423, detail: 'The note is locked.' };
    defineProblem(definition);
    const { kind, detail } = defineProblem(definition)({ detail: 'Locked by Ada.' });
    expect([kind, detail]).toEqual([{ ...definition, title: 'Locked' }, 'Locked by Ada.']);
  });

  it('cannot take a code of Gatehouse, whichever is defined first', () => {
    const { code } = notFound.kind;
    expect(() => defineProblem({ code, status: 404, detail: 'No note.' })).toThrow(taken(code));
    defineProblem({ code: 'note_archived', status: 409, detail: 'It is archived.' });
    expect(() => defineOwnProblem({ code: 'note_archived', status: 409, detail: '' })).toThrow(taken('note_archived'));
  });

  it.each([
    ['', 400],
    ['NoteLocked', 400],
    ['note-locked', 400],
    ['n'.repeat(65), 400],
    ['note_locked', 200],
    ['note_locked', 399],
    ['note_locked', 600],
    ['note_locked', 404.5],
    ['note_locked', Number.NaN],
  ])('with the code %j and the status %d is refused where it is defined', (code, status) => {
    expect(() => defineProblem({ code, status, detail: 'x' })).toThrow(TypeError);
  });
});
