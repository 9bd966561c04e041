declare module 'postject' {
  /** Writes a resource into a program in place, and flips the character that says so. */
  export function inject(
    file: string,
    name: string,
    resource: Buffer,
    options: { sentinelFuse: string },
  ): Promise<void>;
}
