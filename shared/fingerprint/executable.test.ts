import { Buffer } from 'node:buffer';
import { expect, it } from 'vitest';
import { isExecutableContent } from './executable.ts';

/** A zip archive's first bytes: local header, name, extra field. */
function zip(name: string, extra = Buffer.alloc(0)): Buffer {
  const header = Buffer.alloc(30);
  header.write('PK\x03\x04', 'latin1');
  header.writeUInt16LE(name.length, 26);
  header.writeUInt16LE(extra.length, 28);
  return Buffer.concat([header, Buffer.from(name), extra]);
}

function portable(pointer: number): Buffer {
  const head = Buffer.alloc(64);
  head.write('MZ');
  head.writeUInt32LE(pointer, 0x3c);
  return head;
}

it.each([
  ['an ELF program', Buffer.from('\x7fELF\x02', 'latin1'), true],
  ['a script', Buffer.from('#!/bin/sh\n'), true],
  ['a PE program', portable(0x80), true],
  ['a Java class', Buffer.from([0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, 61]), true],
  ['a jar by its manifest', zip('META-INF/MANIFEST.MF'), true],
  ['a war by its first directory', zip('WEB-INF/'), true],
  ['a jar by its extra field', zip('a/B.class', Buffer.from([0xfe, 0xca, 0, 0])), true],
  ['another zip file', zip('readme.txt'), false],
  ['a zip file that is cut off', Buffer.from('PK\x03\x04', 'latin1'), false],
  ['text that begins with MZ', Buffer.from('MZ is a name'), false],
  ['text', Buffer.from('# comment'), false],
  ['nothing', Buffer.alloc(0), false],
])('%s: %#', (_, head, expected) => {
  expect(isExecutableContent(head)).toBe(expected);
});
