/** Preloaded into a server whose memory is measured: SIGUSR2 collects its garbage. */
process.on('SIGUSR2', () => Bun.gc(true))

export {}
