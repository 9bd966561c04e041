import { capture } from './capture.ts';
import { type ClockReading, readChrony, readNtp, readTimesyncd } from './clock-sources.ts';
import { type CommandPlace, describeEnd } from './command.ts';
import { findTool } from './tools.ts';

interface Source {
  tool: string;
  /** Of the tool. */
  args: readonly string[];
  read(text: string): ClockReading;
}

/** In this order: where a server has two, the first one is what keeps its time. */
const SOURCES: readonly Source[] = [
  { tool: 'chronyc', args: ['-n', '-c', 'tracking'], read: readChrony },
  { tool: 'ntpq', args: ['-c', 'rv 0 leap,offset'], read: readNtp },
  { tool: 'timedatectl', args: ['timesync-status'], read: readTimesyncd },
];

/**
 * What the server's own time service knows about its clock. Asked are those whose tool is installed, until one answers;
 * where none does, every reason is given: a clock that nobody vouches for is not known to be right.
 */
export async function readClock(place: CommandPlace): Promise<ClockReading> {
  const reasons: string[] = [];
  for (const { tool, args, read } of SOURCES) {
    const program = findTool(place.root, tool);
    if (program === null) continue;
    const end = await capture([program, ...args], place);
    if (end.status !== 0) {
      reasons.push(`${tool}: ${describeEnd(end)}`);
      continue;
    }
    const reading = read(end.stdout);
    if (reading.known) return reading;
    reasons.push(reading.why);
  }
  const why = reasons.length > 0 ? reasons.join('; ') : 'neither chrony, ntpd nor systemd-timesyncd is installed';
  return { known: false, source: 'none', why };
}
