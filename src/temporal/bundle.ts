/** A process's whole work: prints the workflows at `argv[2]` as one script. */
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker'

const { code } = await bundleWorkflowCode({
  workflowsPath: process.argv[2]!,
  logger: new DefaultLogger('ERROR'),
})
process.stdout.write(code)
