import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { parseConfig } from "../../../src/app/config.ts";

const root = join(import.meta.dirname, "../../..");
const read = (path: string): string => readFileSync(join(root, path), "utf8");

const healthcheck = z.object({ test: z.array(z.string()), start_period: z.string() });
const service = z.object({
  image: z.string(),
  build: z.object({ context: z.string(), dockerfile: z.string() }).optional(),
  environment: z.record(z.string(), z.union([z.string(), z.number()])),
  volumes: z.array(z.string()),
  ports: z.array(z.string()).optional(),
  healthcheck: healthcheck.optional(),
  depends_on: z.record(z.string(), z.object({ condition: z.string() })).optional(),
});
const file = z.object({ services: z.record(z.string(), service), volumes: z.record(z.string(), z.null()) });

const compose = parse(read("docker/compose.yaml")) as unknown;
const { services, volumes } = file.parse(compose);
const servers = Object.entries(services).filter(([name]) => name !== "tallylake");

/** What the mistakes below are put into. */
interface Spoilable {
  readonly services: {
    readonly mysql: { readonly healthcheck: object };
    readonly tallylake: { readonly depends_on: { readonly mysql: object } };
  };
}

describe("against the schema of the Compose Specification", () => {
  const schema = JSON.parse(read("test/fixtures/compose/compose-spec.json")) as z.core.JSONSchema.JSONSchema;
  // Zod knows this draft by its other name only.
  const composeSpec = z.fromJSONSchema({ ...schema, $schema: "http://json-schema.org/draft-07/schema#" });

  test("our file fits", () => {
    expect(composeSpec.safeParse(compose)).toMatchObject({ success: true });
  });

  test.each<[string, (copy: Spoilable) => void]>([
    ["an unknown key of the file", (copy) => Object.assign(copy, { servers: {} })],
    ["an unknown key of a service", (copy) => Object.assign(copy.services.mysql, { imagee: "x" })],
    [
      "a health check that is misspelt",
      (copy) => Object.assign(copy.services.mysql.healthcheck, { tests: [] }),
    ],
    ["ports that are no list", (copy) => Object.assign(copy.services.mysql, { ports: "13406:3306" })],
    ["a volume that is a number", (copy) => Object.assign(copy.services.mysql, { volumes: [3306] })],
    [
      "a name of a service with a space",
      (copy) => Object.assign(copy.services, { "my sql": { image: "x" } }),
    ],
    [
      "a condition that does not exist",
      (copy) => Object.assign(copy.services.tallylake.depends_on.mysql, { condition: "up" }),
    ],
  ])("%s would be found", (_, spoil) => {
    const copy = structuredClone(compose) as Spoilable;
    spoil(copy);
    expect(composeSpec.safeParse(copy)).toMatchObject({ success: false });
  });
});

test("every image is one exact version", () => {
  const images = Object.values(services).map(({ image }) => image);
  expect(images).toEqual(images.filter((image) => /^[a-z/]+:\d+\.\d+\.\d+(\.\d+)?$/.test(image)));
  expect(images).toHaveLength(4);
  const bases = [...read("docker/Dockerfile").matchAll(/^FROM (\S+)/gm)].map((match) => match[1]);
  expect(bases).toEqual(["node:24.19.0-bookworm-slim", "node:24.19.0-bookworm-slim"]);
});

test.each(servers)(
  "%s has a health check and listens on this machine only, at a port of its own",
  (_, server) => {
    expect(server.healthcheck?.test[0]).toMatch(/^CMD/);
    const ports = servers.flatMap(([, { ports }]) => ports ?? []);
    expect(server.ports).toHaveLength(1);
    expect(server.ports?.[0]).toMatch(/^127\.0\.0\.1:134\d\d:\d+$/);
    expect(new Set(ports.map((port) => port.split(":")[1])).size).toBe(ports.length);
  },
);

test("what is mounted is there", () => {
  const sources = Object.values(services).flatMap((each) =>
    each.volumes.map((volume) => volume.split(":")[0] ?? ""),
  );
  const missing = sources.filter((source) =>
    source.startsWith(".") ? !existsSync(join(root, "docker", source)) : !(source in volumes),
  );
  expect(missing).toEqual([]);
  expect(Object.keys(volumes).filter((volume) => !sources.includes(volume))).toEqual([]);
});

test("tallylake waits for healthy servers that exist", () => {
  const waits = Object.entries(services["tallylake"]?.depends_on ?? {});
  expect(waits).toEqual([
    ["mysql", { condition: "service_healthy" }],
    ["clickhouse", { condition: "service_healthy" }],
  ]);
  expect(services["tallylake"]?.build).toEqual({ context: "..", dockerfile: "docker/Dockerfile" });
});

test("the config in the container is valid with the environment of its service", () => {
  const env = Object.fromEntries(
    Object.entries(services["tallylake"]?.environment ?? {}).map(([name, value]) => [name, String(value)]),
  );
  const config = parseConfig(read("docker/tallylake.yaml"), {
    env,
    hostname: "tallylake",
    file: "/etc/tallylake/tallylake.yaml",
  });
  expect(config.source.password.reveal()).toBe("tallylake");
  expect(read("docker/mysql/user.sql")).toContain("CREATE USER tallylake IDENTIFIED BY 'tallylake';");
  expect([config.lakeDir, config.stateDir]).toEqual(["/data/lake", "/data/state"]);
  expect(config.trace).toMatchObject({ kind: "url", url: "http://clickhouse:8123", user: "tallylake" });
  expect(services["clickhouse"]?.environment).toEqual({
    CLICKHOUSE_DB: "tallylake",
    CLICKHOUSE_USER: "tallylake",
    CLICKHOUSE_PASSWORD: env["CLICKHOUSE_PASSWORD"],
  });
});

describe("the image of the tool", () => {
  const dockerfile = read("docker/Dockerfile");
  const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap((match) =>
    (match[1] ?? "").split(" "),
  );

  test("copies what is in the repository, and nothing else is sent to the build", () => {
    expect(copied.filter((path) => !existsSync(join(root, path)))).toEqual([]);
    const allowed = read("docker/Dockerfile.dockerignore").match(/(?<=^!).+$/gm);
    expect(allowed?.sort()).toEqual([...new Set(copied)].sort());
  });

  test("holds what the package publishes", () => {
    const pkg = z
      .object({
        files: z.array(z.string()),
        scripts: z.record(z.string(), z.string()),
        bin: z.record(z.string(), z.string()),
      })
      .parse(JSON.parse(read("package.json")));
    const inside = [
      ...copied,
      ...[...dockerfile.matchAll(/^COPY --from=\S+ \/src\/(\S+)/gm)].map((match) => match[1] ?? ""),
    ];
    expect(pkg.files.filter((path) => !inside.includes(path))).toEqual([]);
    expect(dockerfile).toContain(`ln -s /opt/tallylake/${pkg.bin["tallylake"] ?? ""} `);
    expect(Object.keys(pkg.scripts)).toContain("build");
    expect(read("src/main.ts")).toMatch(/^#!\/usr\/bin\/env node\n/);
  });

  test("runs as a user without rights", () => {
    expect([...dockerfile.matchAll(/^USER (.+)$/gm)].map((match) => match[1])).toEqual(["node"]);
  });
});
