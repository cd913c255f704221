import tseslint from "typescript-eslint";

// Type-aware rules only where they catch a class of real defects: lost promises, a switch that
// forgets a member, a value of unknown type used as if it were known.
export default tseslint.config(
  { ignores: ["dist/", "node_modules/", "test/fixtures/", ".cache/", "eslint.config.js"] },
  tseslint.configs.strictTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      "no-console": "error",
      eqeqeq: "error",
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/return-await": ["error", "error-handling-correctness-only"],
      "@typescript-eslint/switch-exhaustiveness-check": [
        "error",
        { considerDefaultExhaustiveForUnions: true },
      ],
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
      "@typescript-eslint/restrict-template-expressions": [
        "error",
        { allowNumber: true, allowBoolean: true },
      ],
      // A resource is often typed by what it does, and a test passes callbacks that need not await.
      "@typescript-eslint/require-await": "off",
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
      "@typescript-eslint/no-unnecessary-condition": ["error", { allowConstantLoopConditions: true }],
    },
  },
  {
    // The codecs generate one function for each table; this is where their text becomes code.
    files: ["src/capture/compile.ts"],
    rules: { "@typescript-eslint/no-implied-eval": "off" },
  },
);
