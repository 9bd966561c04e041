/** As much of a logger as the executor needs; pino's fits. Texts are static, what differs is in the fields. */
export interface Log {
  info(fields: object, text: string): void;
  warn(fields: object, text: string): void;
  error(fields: object, text: string): void;
}
