const COPY_DEPENDENCIES = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies";

export interface Artifact {
  readonly group: string;
  readonly name: string;
  readonly version: string;
  /** Names of dependencies of the same group that are left out. */
  readonly without?: readonly string[];
}

/** A Maven project that has nothing but these dependencies. */
export function projectText(name: string, artifacts: readonly Artifact[]): string {
  return [
    "<project>",
    "  <modelVersion>4.0.0</modelVersion>",
    "  <groupId>tallylake</groupId>",
    `  <artifactId>${name}</artifactId>`,
    "  <version>1</version>",
    "  <packaging>pom</packaging>",
    "  <dependencies>",
    ...artifacts.flatMap(dependency),
    "  </dependencies>",
    "</project>",
    "",
  ].join("\n");
}

function dependency({ group, name, version, without = [] }: Artifact): readonly string[] {
  const exclusion = (left: string): string =>
    `        <exclusion><groupId>${group}</groupId><artifactId>${left}</artifactId></exclusion>`;
  return [
    "    <dependency>",
    `      <groupId>${group}</groupId>`,
    `      <artifactId>${name}</artifactId>`,
    `      <version>${version}</version>`,
    ...(without.length > 0 ? ["      <exclusions>", ...without.map(exclusion), "      </exclusions>"] : []),
    "    </dependency>",
  ];
}

/** Arguments for Maven that download the jars of the project into a folder. */
export function copyArgs(paths: {
  readonly project: string;
  readonly repository: string;
  readonly jars: string;
}): readonly string[] {
  return [
    "--batch-mode",
    "--quiet",
    "--strict-checksums",
    "-Dstyle.color=never",
    `-Dmaven.repo.local=${paths.repository}`,
    `--file=${paths.project}`,
    COPY_DEPENDENCIES,
    "-DincludeScope=runtime",
    `-DoutputDirectory=${paths.jars}`,
  ];
}
