import { Modal, ModalBody, ModalHeader } from '@patternfly/react-core';
import { useNavigate } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import { SCREENS } from './screens.ts';

/** A letter after `g` counts for so long. */
const SECOND_KEY_MS = 1_500;

/** Keys that work everywhere but where somebody writes. */
export function Keys() {
  const [help, setHelp] = useState(false);
  const navigate = useNavigate();
  useEffect(() => {
    let wentAt = 0;
    const press = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement;
      if (event.ctrlKey || event.metaKey || event.altKey || target.closest('input, textarea, select')) return;
      const screen = Date.now() - wentAt < SECOND_KEY_MS ? SCREENS.find(({ key }) => key === event.key) : undefined;
      wentAt = 0;
      if (screen) void navigate({ to: screen.to });
      else if (event.key === 'g') wentAt = Date.now();
      else if (event.key === '?') setHelp(true);
      else if (event.key === '/') document.querySelector<HTMLElement>('[data-find] input, input[data-find]')?.focus();
      else if (event.key === 'Escape')
        document.querySelector<HTMLElement>('.tm-panel button[aria-label^="Close"]')?.click();
      else if ((event.key === 'j' || event.key === 'k') && !target.closest('[role="grid"]'))
        step(event.key === 'j' ? 1 : -1);
      else return;
      event.preventDefault();
    };
    document.addEventListener('keydown', press);
    return () => document.removeEventListener('keydown', press);
  }, [navigate]);
  if (!help) return null;
  return (
    <Modal isOpen variant="small" onClose={() => setHelp(false)} aria-labelledby="tm-keys">
      <ModalHeader title="Keys" labelId="tm-keys" />
      <ModalBody>
        <dl className="tm-keys">
          {[
            ['/', 'find'],
            ['j k', 'next, the one before'],
            ['arrows', 'through the matrix'],
            ['Enter', 'open'],
            ['Esc', 'close'],
            ...SCREENS.map(({ key, title }) => [`g ${key}`, title]),
            ['?', 'this'],
          ].map(([key, means]) => (
            <div key={key}>
              <dt>
                <kbd>{key}</kbd>
              </dt>
              <dd>{means}</dd>
            </div>
          ))}
        </dl>
      </ModalBody>
    </Modal>
  );
}

/** To the next row that can be opened; in the matrix, into it. */
function step(by: number): void {
  const into = document.querySelector<HTMLElement>('.tm-matrix [data-at][tabindex="0"]');
  const rows = [...document.querySelectorAll<HTMLElement>('[data-row] a, [data-row] button.tm-open')];
  const at = rows.indexOf(document.activeElement as HTMLElement);
  (into ?? rows[Math.min(Math.max(at + by, 0), rows.length - 1)])?.focus();
}
