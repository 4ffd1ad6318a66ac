import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vitest/config";

// The fake host (a made-up platform) is part of `npm run dev` and of `npm run build:fake` only: the
// shipped page has no way to show anything but what the shell tells it.
export default defineConfig(({ command, mode }) => ({
  plugins: [svelte()],
  define: { __FAKE__: JSON.stringify(command === "serve" || mode === "fake") },
  build: {
    target: "es2022",
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
  },
  server: { host: "127.0.0.1", port: 5173 },
  preview: { host: "127.0.0.1", port: 4173 },
  test: { include: ["src/**/*.test.ts"], environment: "node" },
}));
