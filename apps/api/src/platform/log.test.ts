import { describe, expect, test } from 'vitest';
import { createLog, errorFields, type LogFields } from './log.ts';

function written(readable: boolean, write: (log: ReturnType<typeof createLog>) => void, level: 'debug' | 'info' = 'debug'): string {
  const lines: string[] = [];
  write(createLog(level, { write: (line) => void lines.push(line) }, { readable }));
  return lines.join('');
}

/** Throws from a few calls deep, so that there are frames to see. */
function failing(message: string): Error {
  const deep = (levels: number): Error => (levels === 0 ? new TypeError(message) : deep(levels - 1));
  return deep(8);
}

describe('a log line', () => {
  test('holds what is on the list and drops everything else', () => {
    const fields = {
      requestId: 'r-1',
      status: 200,
      patient: 'Canaria',
      body: { name: 'Canaria' },
      message: 'Canaria',
      err: new Error('Canaria'),
    } as LogFields;
    const line = written(false, (log) => log.info('request', fields));
    expect(Object.keys(JSON.parse(line) as object).toSorted()).toEqual(['level', 'msg', 'requestId', 'status', 'time']);
    expect(line).not.toContain('Canaria');
    expect(written(true, (log) => log.info('request', fields))).not.toContain('Canaria');
  });

  test('ASVS 16.4.1: of production is JSON with a level, a time and the nearest frames', () => {
    const line = written(false, (log) => log.error('request failed', errorFields(failing('Canaria'))));
    const parsed = JSON.parse(line) as { at: string[] };
    expect(parsed).toMatchObject({ level: 'error', msg: 'request failed', kind: 'TypeError', time: expect.stringMatching(/Z$/) as string });
    expect(parsed.at).toHaveLength(3);
    expect(line).not.toContain('Canaria');
  });

  test('of development is text to read, with the frames of an error below', () => {
    const text = written(true, (log) => log.error('request failed', { requestId: 'r-1', ...errorFields(failing('Canaria')) }));
    const [first, ...frames] = text.trimEnd().split('\n');
    expect(first).toMatch(/^\d\d:\d\d:\d\d\.\d{3} error {2}request failed {2}requestId=r-1 {2}kind=TypeError$/);
    expect(frames.length).toBeGreaterThan(7);
    for (const frame of frames) expect(frame).toMatch(/^ {4}\S+ (file:|node:|\/)\S+:\d+:\d+$/);
    expect(frames[0]).toContain('log.test.ts');
  });

  test('below its level is not written', () => {
    const text = written(
      false,
      (log) => {
        log.debug('query', { statement: 'SELECT 1' });
        log.info('request');
      },
      'info',
    );
    expect(text.trim().split('\n')).toHaveLength(1);
  });
});

describe('what a log tells of an error', () => {
  test.each([
    ['a message that looks like a frame', 'x\n    at Canaria (/srv/canaria.ts:1:1)'],
    ['a message of frames only', '\n    at Canaria (/srv/canaria.ts:1:1)\n    at file:///canaria.ts:1:1'],
    ['an empty message', ''],
  ])('never comes from its message: %s', (_name, message) => {
    const { at = [] } = errorFields(failing(message));
    expect(at.length).toBeGreaterThan(5);
    expect(at.join('\n')).not.toMatch(/canaria/i);
  });

  test('has no frames when the message was changed after it was thrown, since nobody can tell them apart then', () => {
    const error = failing('x\n    at Canaria (/srv/canaria.ts:1:1)');
    expect(error.stack).toContain('canaria');
    error.message = 'changed';
    expect(errorFields(error)).toEqual({ kind: 'TypeError', at: [] });
  });

  test('is the class, code and constraint of a database error', () => {
    const error = Object.assign(new Error('duplicate key: Canaria'), {
      code: '23505',
      severity: 'ERROR',
      hint: 'room_type_name_key',
      detail: 'Canaria',
    });
    expect(errorFields(error)).toMatchObject({ kind: 'unique', code: '23505', constraint: 'room_type_name_key' });
    expect(JSON.stringify(errorFields(error))).not.toContain('Canaria');
  });

  test('is its type when it is no error', () => {
    expect(errorFields('Canaria')).toEqual({ kind: 'string' });
    expect(errorFields(null)).toEqual({ kind: 'object' });
  });
});
