import svelte from "eslint-plugin-svelte";
import tseslint from "typescript-eslint";
import svelteConfig from "./svelte.config.js";

const onlyClient = {
  "no-restricted-imports": [
    "error",
    {
      patterns: [{ group: ["@tauri-apps/*"], message: "Only src/ipc/client.ts talks to the shell." }],
    },
  ],
};

export default tseslint.config(
  { ignores: ["dist", "dist-fake", "node_modules", "src/ipc/gen"] },
  ...tseslint.configs.strict,
  ...svelte.configs["flat/recommended"],
  {
    files: ["**/*.svelte", "**/*.svelte.ts"],
    languageOptions: { parserOptions: { parser: tseslint.parser, svelteConfig } },
  },
  {
    rules: {
      // Text from a cloud is plain text.
      "svelte/no-at-html-tags": "error",
      // The Content-Security-Policy refuses inline styles in markup; `style:x={…}` goes through the CSSOM.
      "no-restricted-syntax": [
        "error",
        { selector: 'SvelteAttribute[key.name="style"]', message: "Use style:property={value}: the policy refuses style attributes." },
      ],
      "svelte/require-each-key": "error",
      // Stores keep plain Maps on purpose and raise a revision instead.
      "svelte/prefer-svelte-reactivity": "off",
      "no-eval": "error",
      ...onlyClient,
    },
  },
  { files: ["src/ipc/client.ts"], rules: { "no-restricted-imports": "off" } },
);
