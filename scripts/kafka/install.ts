import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { withFileLock } from "../file-lock.ts";
import { isThere } from "../is-there.ts";
import type { Notice } from "../process/notice.ts";
import { WatchedProcess } from "../process/watched-process.ts";
import { brokerArgs, logPathOf, prepareBroker, untilUp } from "./broker-process.ts";
import { newKafkaId } from "./data-folder.ts";
import { onFreePorts } from "./free-ports.ts";
import { installJars, type KafkaInstall } from "./jars.ts";

const STOP_MS_MAX = 120_000;

/**
 * Apache Kafka, ready to run. Most of the time in which a broker starts goes into loading its classes. The JVM can keep
 * them in a file as it has parsed and checked them, which more than halves that time; so a broker runs once for
 * the sake of that file.
 *
 * @throws SyncError (SETUP) that names what this machine lacks.
 */
export async function installKafka(notice: Notice): Promise<KafkaInstall> {
  const jars = await installJars(notice);
  const archive = join(jars.folder, `classes-${jars.java.fingerprint}.jsa`);
  if (!(await isThere(archive))) {
    await withFileLock(`${archive}.lock`, async () => {
      if (await isThere(archive)) return;
      notice("preparing Kafka's classes for quick starts (about 15 s)");
      await writeArchive(archive, jars);
    });
  }
  // The JVM leaves a file aside that does not fit, or is empty. It would say so on stdout, where tools print.
  const flags = [`-XX:SharedArchiveFile=${archive}`, "-Xlog:disable", "-Xlog:all=error:stderr"];
  return { ...jars, args: [...flags, ...jars.args] };
}

/** The file is empty when this JVM cannot make one, which is no reason to try again and again. */
async function writeArchive(path: string, install: KafkaInstall): Promise<void> {
  const fresh = `${path}.new`;
  await rm(fresh, { force: true });
  const folder = await mkdtemp(join(tmpdir(), "tallylake-kafka-"));
  try {
    await onFreePorts(2, async ([internalPort = 0, controllerPort = 0]) => {
      const node = { id: 1, listeners: [], internalPort, controllerPort };
      const clusterId = newKafkaId();
      await prepareBroker(folder, { install, node, nodes: [node], clusterId, settings: {} });
      const broker = await WatchedProcess.start({
        command: install.java.command,
        args: brokerArgs({ install, folder, jvmFlags: [`-XX:ArchiveClassesAtExit=${fresh}`] }),
        logPath: logPathOf(folder),
        removeWhenOrphaned: folder,
      });
      try {
        await untilUp({ node, clusterId, folder, isLogKept: false, alive: () => broker.alive });
        broker.signal("SIGTERM");
        await broker.waitForEnd(STOP_MS_MAX);
      } finally {
        broker.signal("SIGKILL");
        await broker.waitForEnd(STOP_MS_MAX);
      }
    });
    if (!(await isThere(fresh))) await writeFile(fresh, "");
    await rename(fresh, path);
  } finally {
    await rm(folder, { recursive: true, force: true });
    await rm(fresh, { force: true });
  }
}
