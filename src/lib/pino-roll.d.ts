declare module 'pino-roll' {
  import type { SonicBoom } from 'sonic-boom'

  export default function roll(options: {
    file: string
    size?: string
    frequency?: 'daily' | 'hourly' | number
    mkdir?: boolean
    limit?: { count: number; removeOtherLogFiles?: boolean }
  }): Promise<SonicBoom>
}
