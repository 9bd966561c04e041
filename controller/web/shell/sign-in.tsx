import { Button, Modal, ModalBody, ModalFooter, ModalHeader, TextInput } from '@patternfly/react-core';
import { useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { AskError } from '../api/ask.ts';
import { signIn } from '../api/session.ts';
import { Failure } from '../parts/parts.tsx';

/** Over whatever is on the screen, which stays as it is: nobody loses what they wrote because a session was over. */
export function SignIn() {
  const client = useQueryClient();
  const [token, setToken] = useState('');
  const [error, setError] = useState<AskError | null>(null);
  const [asking, setAsking] = useState(false);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setAsking(true);
    try {
      await signIn(token);
      setToken('');
      await client.invalidateQueries();
    } catch (failed) {
      setError(failed instanceof AskError ? failed : new AskError(0, 'unknown', String(failed)));
    } finally {
      setAsking(false);
    }
  };
  return (
    <Modal isOpen variant="small" aria-labelledby="tm-sign-in" disableFocusTrap={false}>
      <ModalHeader title="Sign in to Tidemark" labelId="tm-sign-in" />
      <ModalBody>
        <form id="tm-sign-in-form" onSubmit={submit}>
          <label htmlFor="tm-token">Your token</label>
          <TextInput
            id="tm-token"
            type="password"
            autoComplete="current-password"
            value={token}
            onChange={(_, value) => setToken(value)}
            autoFocus
          />
          <p className="tm-small">
            An administrator makes one: <code>tidemark token create NAME --role viewer</code>. The browser does not keep
            it.
          </p>
          <Failure error={error} what="That did not work" />
        </form>
      </ModalBody>
      <ModalFooter>
        <Button type="submit" form="tm-sign-in-form" isLoading={asking} isDisabled={token.trim() === ''}>
          Sign in
        </Button>
      </ModalFooter>
    </Modal>
  );
}
