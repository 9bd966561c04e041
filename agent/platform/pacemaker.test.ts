import { describe, expect, it } from 'vitest';
import { readStatus } from './pacemaker.ts';

/** As Pacemaker 2.1.5 says it, shortened. */
const status = `<pacemaker-result api-version="2.25">
  <summary><current_dc present="true" name="ha1" id="1" with_quorum="true" mixed_version="false"/></summary>
  <nodes>
    <node name="ha1" id="1" online="true" standby="true" standby_onfail="false" maintenance="false" resources_running="0" type="member"/>
    <node name="ha2" id="2" online="true" standby="false" standby_onfail="false" maintenance="false" resources_running="2" type="member"/>
  </nodes>
  <resources><group id="g" number_resources="2">
    <resource id="vip" role="Started" active="true"><node name="ha2" id="2" cached="true"/></resource>
    <resource id="web" role="Starting" active="true"><node name="ha2" id="2" cached="true"/></resource>
    <resource id="old" role="Stopped" active="false"/>
  </group></resources>
  <node_history><node name="ha1"></node></node_history>
</pacemaker-result>`;

describe('what crm_mon says', () => {
  it('is read: nodes, quorum, and what runs and what only starts', () => {
    expect(readStatus(status)).toEqual({
      quorum: true,
      nodes: [
        { name: 'ha1', online: true, standby: true, maintenance: false, resources: 0 },
        { name: 'ha2', online: true, standby: false, maintenance: false, resources: 2 },
      ],
      active: ['vip', 'web'],
      settled: ['vip'],
    });
  });

  it('says nothing about a cluster that is not there', () => {
    expect(readStatus('<pacemaker-result/>')).toEqual({ quorum: false, nodes: [], active: [], settled: [] });
  });
});
