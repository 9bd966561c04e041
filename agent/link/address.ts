import { err, ok, type Result } from '@tidemark/shared/base/result.ts';

/** `host:port`, `[::1]:port`. */
export function parseAddress(text: string): Result<{ host: string; port: number }, string> {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([^\s:/[\]]+)):([0-9]{1,5})$/.exec(text.trim());
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || port < 1 || port > 65_535)
    return err(`"${text.slice(0, 100)}" is no address: write host:port, for example controller.example.net:7445`);
  return ok({ host, port });
}
