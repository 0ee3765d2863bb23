import vue from '@vitejs/plugin-vue'
import { fileURLToPath, URL } from 'node:url'
import { defineConfig } from 'vitest/config'

const server = 'http://127.0.0.1:8080'

export default defineConfig({
  plugins: [vue()],
  resolve: { alias: { '@': fileURLToPath(new URL('./src', import.meta.url)) } },
  server: { proxy: { '/api/': server, '/predict': server, '/tensorboard': server } },
  build: {
    // the content security policy allows no data: fonts or scripts
    assetsInlineLimit: 0,
    // Swagger UI is one big lazy file
    chunkSizeWarningLimit: 1600,
  },
  test: {
    environment: 'happy-dom',
    environmentOptions: { happyDOM: { url: 'http://localhost/' } },
    restoreMocks: true,
    unstubGlobals: true,
  },
})
