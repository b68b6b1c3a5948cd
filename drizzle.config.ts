import { defineConfig } from 'drizzle-kit'

export default defineConfig({
  dialect: 'postgresql',
  schema: './src/db/schema/index.ts',
  out: './src/db/migrations',
  ...(process.env.DATABASE_URL && { dbCredentials: { url: process.env.DATABASE_URL } }),
})
